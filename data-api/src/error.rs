//! Errors in the contract's form: `{error, error_code, link}`, plus `code` for the server's number.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mongodb::error::{ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};
use serde::Serialize;

/// Where an error is explained.
const LINK: &str = "https://www.mongodb.com/docs/manual/reference/error-codes/";

/// The server's number for an operation that ran into its time limit.
const MAX_TIME_EXPIRED: i32 = 50;

/// Why a request failed.
#[derive(Debug)]
pub enum ApiError {
    /// 400: no credentials, or a body that cannot be read.
    InvalidParameter(String),
    /// 400: half of a credential pair.
    MissingParameter(String),
    /// 401: credentials that nobody has.
    InvalidSession,
    /// 403: a database that is not on the list.
    Forbidden(String),
    /// 404: no such action or path.
    NotFound(String),
    /// 409: a transaction step did not do what was expected of it.
    TransactionAborted(String),
    /// 413: the body or the answer is too large.
    TooLarge(String),
    /// 405: the path wants another method.
    MethodNotAllowed,
    /// 400: the database refused, in its own words.
    MongoDb {
        /// What it said.
        message: String,
        /// Its number of the error, when it gave one.
        code: Option<i32>,
        /// Whether the same transaction may succeed when it is tried again.
        transient: bool,
    },
    /// 503: the database cannot be reached, or did not answer in time.
    Unavailable(String),
}

#[derive(Serialize)]
struct Body {
    error: String,
    error_code: &'static str,
    link: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

impl ApiError {
    /// Status, stable name, text and server code.
    fn parts(self) -> (StatusCode, &'static str, String, Option<i32>) {
        match self {
            Self::InvalidParameter(text) => (StatusCode::BAD_REQUEST, "InvalidParameter", text, None),
            Self::MissingParameter(text) => (StatusCode::BAD_REQUEST, "MissingParameter", text, None),
            Self::InvalidSession => {
                (StatusCode::UNAUTHORIZED, "InvalidSession", "unknown API key".into(), None)
            }
            Self::Forbidden(text) => (StatusCode::FORBIDDEN, "Forbidden", text, None),
            Self::NotFound(text) => (StatusCode::NOT_FOUND, "NotFound", text, None),
            Self::TransactionAborted(text) => (StatusCode::CONFLICT, "TransactionAborted", text, None),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", text, None),
            Self::MethodNotAllowed => {
                let text = "this path does not take this method".into();
                (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", text, None)
            }
            Self::MongoDb { message, code, .. } => (StatusCode::BAD_REQUEST, "MongoDBError", message, code),
            Self::Unavailable(text) => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable", text, None),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, error_code, error, code) = self.parts();
        (status, Json(Body { error, error_code, link: LINK, code })).into_response()
    }
}

impl From<mongodb::error::Error> for ApiError {
    fn from(error: mongodb::error::Error) -> Self {
        let transient = error.contains_label(TRANSIENT_TRANSACTION_ERROR);
        let (message, code) = match error.kind.as_ref() {
            ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. } => {
                // The driver's words name addresses: those are for the operator.
                tracing::warn!(%error, "the database cannot be reached");
                return Self::Unavailable("the database cannot be reached".into());
            }
            ErrorKind::InvalidArgument { message, .. } => return Self::InvalidParameter(message.clone()),
            kind => said_by_server(kind).unwrap_or_else(|| (error.to_string(), None)),
        };
        if code == Some(MAX_TIME_EXPIRED) {
            Self::Unavailable("the database took too long".into())
        } else {
            Self::MongoDb { message, code, transient }
        }
    }
}

/// The server's text and number, without what the driver writes around them.
fn said_by_server(kind: &ErrorKind) -> Option<(String, Option<i32>)> {
    let (message, code) = match kind {
        ErrorKind::Command(command) => (&command.message, command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => (&write.message, write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => (&concern.message, concern.code),
        ErrorKind::InsertMany(many) => {
            let first = many.write_errors.as_ref().and_then(|errors| errors.first());
            let concern = many.write_concern_error.as_ref();
            first
                .map(|write| (&write.message, write.code))
                .or_else(|| concern.map(|concern| (&concern.message, concern.code)))?
        }
        _ => return None,
    };
    Some((message.clone(), Some(code)))
}
