//! Errors in the contract's form: `{error, error_code, link}`, plus `code` for the server's number.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mongodb::error::{ErrorKind, WriteFailure};
use serde::Serialize;

/// Where an error is explained.
const LINK: &str = "https://www.mongodb.com/docs/manual/reference/error-codes/";

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
    /// 400: the database refused, with its number when it gave one.
    MongoDb(String, Option<i32>),
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
            Self::MongoDb(text, code) => (StatusCode::BAD_REQUEST, "MongoDBError", text, code),
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
        let code = match error.kind.as_ref() {
            ErrorKind::Command(command) => Some(command.code),
            ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
            ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
            ErrorKind::InsertMany(many) => {
                many.write_errors.as_ref().and_then(|errors| errors.first()).map(|first| first.code)
            }
            ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. } => {
                return Self::Unavailable(format!("the database cannot be reached: {error}"));
            }
            ErrorKind::InvalidArgument { message, .. } => return Self::InvalidParameter(message.clone()),
            _ => None,
        };
        // 50 is MaxTimeMSExpired.
        if code == Some(50) {
            Self::Unavailable("the database took too long".into())
        } else {
            Self::MongoDb(error.to_string(), code)
        }
    }
}
