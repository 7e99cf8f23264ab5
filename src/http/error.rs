//! One error type, and the one place that turns it into a status and an envelope.

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::Id;
use durable::rpc::CallError;
use serde::Serialize;
use serde_json::{Value, json};
use store::StoreError;
use utoipa::ToSchema;

/// Texts that the app looks for, word for word (contract: x-client-depends-on).
pub mod text {
    /// No token was sent.
    pub const TOKEN_REQUIRED: &str = "Access token required";
    /// Sign-in failed.
    pub const INVALID_CREDENTIALS: &str = "Invalid credentials";
    /// Sign-in to a deactivated account.
    pub const DEACTIVATED: &str = "Account is deactivated";
    /// Registration with a taken address.
    pub const EMAIL_TAKEN: &str = "An account with this email already exists";
    /// Registration with a taken number.
    pub const PHONE_TAKEN: &str = "An account with this phone already exists";
    /// Matchmaking while in a session.
    pub const ALREADY_IN_SESSION: &str = "You are already in an active session";
    /// Heading of failed body checks.
    pub const VALIDATION: &str = "Validation failed";
}

/// Why a request is refused: a variant per meaning.
#[derive(Debug)]
pub enum ApiError {
    /// 400: the request makes no sense, in words for the user.
    BadRequest(&'static str),
    /// 400: as before, with a figure in the words.
    Refused(String),
    /// 400: fields of the body are wrong.
    Validation(Vec<FieldError>),
    /// 400: parts of the body are wrong, in words.
    Problems(&'static str, Vec<String>),
    /// 400: as before, and the message joins the reasons, as registration has it.
    ValidationJoined(Vec<FieldError>),
    /// 400: matchmaking while in this session.
    AlreadyInSession(Id),
    /// 401: who are you? Every text has the lower-case word token, except those of sign-in.
    Unauthorized(&'static str),
    /// 403: not for you.
    Forbidden(&'static str),
    /// 403: the paid gate is closed.
    SubscriptionRequired(&'static str),
    /// 404: there is none.
    NotFound(&'static str),
    /// 409: not in this state.
    Conflict(&'static str),
    /// 429: too often; with the value of the header `RateLimit-Policy`.
    TooMany(&'static str),
    /// 429: nothing is left of a budget, with the seconds until there is a new one.
    Spent {
        /// For programs.
        code: &'static str,
        /// For the user.
        text: &'static str,
        /// Until the next budget.
        seconds: i64,
    },
    /// 416: there is no such range in something of so many bytes.
    NoSuchRange(u64),
    /// 422: the same idempotency key with another body.
    Unprocessable(&'static str),
    /// 413: too much at once.
    TooLarge,
    /// 415: not a kind of file that we know.
    UnsupportedType(&'static str),
    /// 503: something is not to be had right now, in words for the user.
    NotAvailable(&'static str),
    /// 503: something behind us is down; the text goes to the log only.
    Unavailable(String),
    /// 500: our mistake; the text goes to the log only.
    Internal(String),
}

/// One failed check of one field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// Always `field`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The value after trimming and folding; absent when the field was, and for passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What is wrong with it.
    pub msg: String,
    /// Where it is in the body or query.
    pub path: String,
    /// `body` or `query`.
    pub location: &'static str,
}

impl FieldError {
    /// A failed check of a field of the body.
    pub fn new(path: &str, msg: &str, value: Option<Value>) -> Self {
        Self { kind: "field", value, msg: msg.to_owned(), path: path.to_owned(), location: "body" }
    }

    /// The same check, of an object within another one.
    pub fn within(self, parent: &str) -> Self {
        let path = if self.path.is_empty() { parent.to_owned() } else { format!("{parent}.{}", self.path) };
        Self { path, ..self }
    }
}

/// Failed checks: of fields, or in words.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Errors {
    /// By field.
    Fields(Vec<FieldError>),
    /// In words.
    Texts(Vec<String>),
}

/// The body of every error.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Always false; left out by the tutor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// For the user, as is.
    pub message: String,
    /// Of failures on our side and behind us: a short category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// For programs; stable.
    pub code: &'static str,
    /// Failed checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// For support: names this request in the log.
    pub request_id: String,
}

/// An error on its way to the rim, which knows the request id and writes the log.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The body, still without request id.
    pub body: ErrorBody,
    /// What only the log may say.
    pub detail: Option<String>,
    /// Headers that say when to try again.
    pub headers: Vec<(&'static str, String)>,
}

impl ApiError {
    /// As it is said of the query of an address.
    pub fn in_query(self) -> Self {
        match self {
            Self::Validation(errors) => Self::Validation(
                errors.into_iter().map(|error| FieldError { location: "query", ..error }).collect(),
            ),
            other => other,
        }
    }

    fn parts(self) -> (StatusCode, &'static str, String, Extra) {
        use StatusCode as S;
        let none = Extra::default();
        match self {
            Self::BadRequest(text) => (S::BAD_REQUEST, "BAD_REQUEST", text.into(), none),
            Self::Validation(errors) => (
                S::BAD_REQUEST,
                "VALIDATION_FAILED",
                text::VALIDATION.into(),
                Extra { errors: Some(Errors::Fields(errors)), ..none },
            ),
            Self::Problems(text, problems) => {
                let extra = Extra { errors: Some(Errors::Texts(problems)), ..none };
                (S::BAD_REQUEST, "VALIDATION_FAILED", text.into(), extra)
            }
            Self::ValidationJoined(errors) => {
                let message = errors.iter().map(|error| error.msg.as_str()).collect::<Vec<_>>().join(", ");
                let errors = Some(Errors::Fields(errors));
                (S::BAD_REQUEST, "VALIDATION_FAILED", message, Extra { errors, ..none })
            }
            Self::AlreadyInSession(id) => {
                let data = Some(json!({ "existingSessionId": id }));
                (
                    S::BAD_REQUEST,
                    "ALREADY_IN_SESSION",
                    text::ALREADY_IN_SESSION.into(),
                    Extra { data, ..none },
                )
            }
            Self::Unauthorized(text) => (S::UNAUTHORIZED, "UNAUTHORIZED", text.into(), none),
            Self::Forbidden(text) => (S::FORBIDDEN, "FORBIDDEN", text.into(), none),
            Self::SubscriptionRequired(text) => (S::FORBIDDEN, "SUBSCRIPTION_REQUIRED", text.into(), none),
            Self::Refused(text) => (S::BAD_REQUEST, "BAD_REQUEST", text, none),
            Self::NotFound(text) => (S::NOT_FOUND, "NOT_FOUND", text.into(), none),
            Self::Unprocessable(text) => (S::UNPROCESSABLE_ENTITY, "UNPROCESSABLE", text.into(), none),
            Self::Conflict(text) => (S::CONFLICT, "CONFLICT", text.into(), none),
            Self::TooMany(policy) => {
                let message = "You are asking too often. Please wait a minute";
                let headers = vec![("retry-after", "60".into()), ("ratelimit-policy", policy.into())];
                (S::TOO_MANY_REQUESTS, "RATE_LIMITED", message.into(), Extra { headers, ..none })
            }
            Self::Spent { code, text, seconds } => {
                let headers = vec![("retry-after", seconds.to_string())];
                (S::TOO_MANY_REQUESTS, code, text.into(), Extra { headers, ..none })
            }
            Self::NoSuchRange(bytes) => {
                let headers = vec![("content-range", format!("bytes */{bytes}"))];
                let message = "There is no such part of this file";
                (S::RANGE_NOT_SATISFIABLE, "NO_SUCH_RANGE", message.into(), Extra { headers, ..none })
            }
            Self::UnsupportedType(text) => (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_TYPE", text.into(), none),
            Self::NotAvailable(text) => {
                (S::SERVICE_UNAVAILABLE, "UNAVAILABLE", text.into(), Extra { headers: soon(), ..none })
            }
            Self::TooLarge => {
                (S::PAYLOAD_TOO_LARGE, "TOO_LARGE", "This is too large to send at once".into(), none)
            }
            Self::Unavailable(detail) => {
                let message = "We are having trouble right now. Please try again in a moment";
                (
                    S::SERVICE_UNAVAILABLE,
                    "UNAVAILABLE",
                    message.into(),
                    Extra { detail: Some(detail), headers: soon(), ..none },
                )
            }
            Self::Internal(detail) => {
                let message = "Something went wrong on our side. Please try again";
                (S::INTERNAL_SERVER_ERROR, "INTERNAL", message.into(), Extra { detail: Some(detail), ..none })
            }
        }
    }
}

#[derive(Default)]
struct Extra {
    errors: Option<Errors>,
    data: Option<Value>,
    detail: Option<String>,
    headers: Vec<(&'static str, String)>,
}

/// What is down is tried again after some seconds.
fn soon() -> Vec<(&'static str, String)> {
    vec![("retry-after", "5".into())]
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let is_upstream = matches!(self, Self::NotAvailable(_));
        let (status, code, message, Extra { errors, data, detail, headers }) = self.parts();
        // The screens of the tutor and of the games read it; elsewhere it was the inside of the old server.
        let error = is_upstream.then_some(code);
        let body =
            ErrorBody { success: Some(false), message, error, code, errors, data, request_id: String::new() };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.extensions_mut().insert(Pending { body, detail, headers });
        response
    }
}

/// An error of the tutor: its answers have no `success` (contract: x-global.error-envelopes).
#[derive(Debug)]
pub struct ChatError(ApiError);

/// The result of the tutor's handlers.
pub type ChatResult<T> = Result<T, ChatError>;

impl<E: Into<ApiError>> From<E> for ChatError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ChatError {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        let is_failure = response.status().is_server_error();
        if let Some(pending) = response.extensions_mut().get_mut::<Pending>() {
            pending.body.success = None;
            if is_failure {
                pending.body.error = Some(pending.body.code);
            }
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(error.to_string()),
            StoreError::Aborted(_) => {
                Self::Conflict("Somebody else changed this at the same moment. Please try again")
            }
            StoreError::Duplicate(_) | StoreError::Unreadable(_) | StoreError::Rejected(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The result of every handler.
pub type ApiResult<T> = Result<T, ApiError>;
