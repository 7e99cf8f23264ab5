//! Extractors: who asks, which document, what body.

use std::{fmt::Display, sync::Arc};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use domain::{Id, Timestamp, accounts::Role};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use store::{
    StoreError,
    audit::{Change, Entry},
    users::Account,
};
use worker::{Context, send::SendFuture};

use super::error::{ApiError, text};
use crate::{auth::token::Claims, state::Shared};

/// Longest body of these routes, bytes: a session description of 64 KiB fits, with its escapes.
pub const MAX_BODY: usize = 160 * 1024;

/// A signed-in user with an active account.
pub struct AuthUser {
    /// The account.
    pub account: Account,
    /// His token.
    pub claims: Claims,
}

impl FromRequestParts<Shared> for AuthUser {
    type Rejection = ApiError;

    fn from_request_parts(
        parts: &mut Parts,
        state: &Shared,
    ) -> impl Future<Output = Result<Self, ApiError>> + Send {
        SendFuture::new(async move {
            let claims = claims(&parts.headers, state)?;
            let account = state.account(claims.user_id).await?;
            let account =
                account.ok_or(ApiError::Unauthorized("The account of this token does not exist"))?;
            check_token(&claims, &account)?;
            Ok(Self { account, claims })
        })
    }
}

/// A signed-in administrator.
pub struct Admin {
    /// His account.
    pub account: Account,
    request_id: String,
}

impl FromRequestParts<Shared> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let AuthUser { account, .. } = AuthUser::from_request_parts(parts, state).await?;
        if account.role != Role::Admin {
            return Err(ApiError::Forbidden("This is for administrators only"));
        }
        let request_id = parts.extensions.get::<RequestId>();
        Ok(Self { account, request_id: request_id.map(|id| id.0.to_string()).unwrap_or_default() })
    }
}

impl Admin {
    /// Where an operation is for others, too, and has looked at the role itself.
    pub fn new(account: Account, request_id: &RequestId) -> Self {
        Self { account, request_id: request_id.0.to_string() }
    }

    /// A line of the audit trail about what he is about to do.
    pub fn entry(&self, action: &'static str, target: impl Display, changes: Vec<Change>) -> Entry {
        Entry {
            actor: self.account.id,
            actor_name: self.account.name.clone(),
            action,
            target: Some(target.to_string()),
            changes,
            request_id: self.request_id.clone(),
            at: durable::now(),
        }
    }
}

/// The name of a request in logs and answers.
#[derive(Clone)]
pub struct RequestId(pub Arc<str>);

/// Runs work after the answer has left.
#[derive(Clone)]
pub struct Later(pub Arc<Context>);

impl Later {
    /// The request does not wait for it.
    pub fn run(&self, work: impl Future<Output = ()> + 'static) {
        self.0.wait_until(work);
    }
}

/// A signed-in user, or nobody: a bad token counts as none.
pub struct MaybeUser(pub Option<Account>);

impl FromRequestParts<Shared> for MaybeUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        match AuthUser::from_request_parts(parts, state).await {
            Ok(user) => Ok(Self(Some(user.account))),
            Err(ApiError::Unauthorized(_)) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// A signed-in user whose request goes to a room or hub that knows its own members. While the database cannot be
/// reached a good token is enough, so that live calls go on.
pub struct RoomUser(pub Id);

impl FromRequestParts<Shared> for RoomUser {
    type Rejection = ApiError;

    fn from_request_parts(
        parts: &mut Parts,
        state: &Shared,
    ) -> impl Future<Output = Result<Self, ApiError>> + Send {
        SendFuture::new(async move { Self::of(claims(&parts.headers, state)?, state).await })
    }
}

impl RoomUser {
    /// The user of these claims.
    pub async fn of(claims: Claims, state: &Shared) -> Result<Self, ApiError> {
        match state.account_at_once(claims.user_id).await {
            Ok(Some(account)) => check_token(&claims, &account).map(|()| Self(account.id)),
            Ok(None) => Err(ApiError::Unauthorized("The account of this token does not exist")),
            Err(StoreError::Unavailable(_)) => Ok(Self(claims.user_id)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The claims of the token in the header.
pub fn claims(headers: &HeaderMap, state: &Shared) -> Result<Claims, ApiError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The old server took the second word, whatever the first said.
    let token = header.split_whitespace().nth(1).ok_or(ApiError::Unauthorized(text::TOKEN_REQUIRED))?;
    state.tokens.check(token, durable::now())
}

/// Whether a token still opens its account.
pub fn check_token(claims: &Claims, account: &Account) -> Result<(), ApiError> {
    check_claims(claims, account.is_active, account.token_version.as_i64(), &account.revoked_tokens)
}

/// Whether a token still opens an account of which this is known.
pub fn check_claims(
    claims: &Claims,
    is_active: bool,
    version: i64,
    revoked: &[String],
) -> Result<(), ApiError> {
    if !is_active {
        return Err(ApiError::Unauthorized("Account is deactivated; this token is no longer valid"));
    }
    let signed_out = claims.id.as_ref().is_some_and(|id| revoked.contains(id));
    if signed_out || claims.version != version {
        return Err(ApiError::Unauthorized("This token was signed out; please sign in again"));
    }
    Ok(())
}

/// The query string. Of a repeated name the last value counts.
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &Shared) -> Result<Self, ApiError> {
        let fields = pairs(parts.uri.query().unwrap_or_default());
        serde_json::from_value(Value::Object(fields))
            .map(Self)
            .map_err(|_| ApiError::BadRequest("The query of the address is not valid"))
    }
}

/// Form-encoded names and values.
fn pairs(text: &str) -> Map<String, Value> {
    let address = worker::Url::parse(&format!("http://form/?{text}"));
    let pairs = address.iter().flat_map(worker::Url::query_pairs);
    pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}

/// Reads a time of the query; a blank one counts as absent.
pub fn query_time(text: Option<&String>) -> Result<Option<Timestamp>, ApiError> {
    const BAD_DATE: ApiError = ApiError::BadRequest("startDate and endDate must be dates");
    let given = text.filter(|text| !text.trim().is_empty());
    given.map(|text| Timestamp::from_text(text).ok_or(BAD_DATE)).transpose()
}

/// A filter of the query as it is told in answers: `absent` when it was not given.
pub fn told(value: Option<String>, absent: &str) -> String {
    value.filter(|value| !value.is_empty()).unwrap_or_else(|| absent.to_owned())
}

/// The id in the path; a malformed one is a 400.
pub struct IdPath(pub Id);

impl FromRequestParts<Shared> for IdPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let TextPath(id) = TextPath::from_request_parts(parts, state).await?;
        parse_id(&id).map(Self)
    }
}

/// The name or id in the path as text; what is no text is a 400.
pub struct TextPath(pub String);

impl FromRequestParts<Shared> for TextPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| MALFORMED_ID)
    }
}

const MALFORMED_ID: ApiError = ApiError::BadRequest("The id in the address is not valid");

/// Reads an id of the address, where other checks come first.
pub fn parse_id(text: &str) -> Result<Id, ApiError> {
    text.parse().map_err(|_| MALFORMED_ID)
}

/// A JSON or form body as an object. A missing body, and one of another type, counts as empty.
pub struct JsonBody(pub Map<String, Value>);

impl FromRequest<Shared> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let (is_json, is_form) =
            (kind.contains("json"), kind.starts_with("application/x-www-form-urlencoded"));
        let bytes = Bytes::from_request(request, state).await.map_err(|_| ApiError::TooLarge)?;
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        if is_json {
            return match serde_json::from_slice(&bytes) {
                Ok(Value::Object(object)) => Ok(Self(object)),
                Ok(Value::Array(_)) => Ok(Self(Map::new())),
                _ => Err(ApiError::BadRequest("The request body is not valid JSON")),
            };
        }
        if is_form {
            return Ok(Self(pairs(&String::from_utf8_lossy(&bytes))));
        }
        Ok(Self(Map::new()))
    }
}
