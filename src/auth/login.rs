//! `POST /auth/login` and `POST /auth/admin/login`.
//!
//! The password is checked before anything is told about the account, and an unknown address takes as long as a wrong
//! password, so that nobody can find out who has an account.

use axum::{Json, extract::State};
use domain::{Id, accounts::Role, email};
use serde::Serialize;
use serde_json::{Map, Value};
use store::users::{self, User};
use utoipa::ToSchema;

use super::password;
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody, text},
        extract::JsonBody,
        validate::Checks,
    },
    state::Shared,
};

/// A user and his token.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// The user, with ids for linked documents.
    pub user: User<Option<Id>>,
    /// Bearer token, valid for 7 days.
    pub token: String,
}

/// What sign-in takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct Credentials {
    /// E-mail address.
    email: String,
    /// Password.
    password: String,
}

/// Sign in with e-mail and password.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Credentials, responses(
    (status = 200, body = Envelope<Session>),
    (status = 400, body = ErrorBody, description = "A field is missing or malformed"),
    (status = 401, body = ErrorBody, description = "Unknown address, wrong password, or deactivated account"),
))]
#[worker::send]
pub async fn login(
    State(state): State<Shared>,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Session>>> {
    sign_in(&state, &body, false).await
}

/// Sign in to the admin site: administrators only.
#[utoipa::path(post, path = "/auth/admin/login", tag = "auth", request_body = Credentials, responses(
    (status = 200, body = Envelope<Session>),
    (status = 400, body = ErrorBody, description = "A field is missing or malformed"),
    (status = 401, body = ErrorBody, description = "Unknown address, wrong password, or deactivated account"),
    (status = 403, body = ErrorBody, description = "The account is not an administrator's"),
))]
#[worker::send]
pub async fn admin_login(
    State(state): State<Shared>,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Session>>> {
    sign_in(&state, &body, true).await
}

async fn sign_in(
    state: &Shared,
    body: &Map<String, Value>,
    admin: bool,
) -> ApiResult<Json<Envelope<Session>>> {
    let mut checks = Checks::new(body);
    let email = checks.required("email", "Please enter a valid email address", email::fold);
    let secret = checks
        .secret("password", "Please enter your password", |text| !text.is_empty() && text.len() <= 1024);
    let (email, secret) = checks.finish(email.zip(secret))?;

    let found = users::credentials_by_email(&state.store, &email).await?;
    let matches = password::verify(secret, found.as_ref().map(|found| found.password.as_str())).await;
    let account = found.filter(|_| matches).ok_or(ApiError::Unauthorized(text::INVALID_CREDENTIALS))?;
    if admin && account.role != Role::Admin {
        return Err(ApiError::Forbidden("Only administrators can sign in here"));
    }
    if !account.is_active {
        return Err(ApiError::Unauthorized(text::DEACTIVATED));
    }
    let now = durable::now();
    if password::is_outdated(state.password_hash, &account.password) {
        let hash = password::hash(state.password_hash, secret).await?;
        users::rehash(&state.store, account.id, &account.password, &hash).await?;
    }
    let token = state.tokens.issue(account.id, account.token_version.as_i64(), durable::new_id(), now)?;
    let user = users::signed_in(&state.store, account.id, admin, now).await?;
    let user = user.ok_or(ApiError::Unauthorized(text::INVALID_CREDENTIALS))?;
    state.forget_account(account.id);
    Ok(envelope("Welcome back", Session { user, token }))
}
