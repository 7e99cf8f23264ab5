//! A forgotten password: a letter with a link that works once, for half an hour, and opens nothing else.

use axum::{Extension, Json, extract::State};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{accounts::check_new_password, email};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::users;
use utoipa::ToSchema;
use worker::console_error;

use super::password;
use crate::{
    email::{Letter, send},
    http::{
        body::{MessageOnly, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{JsonBody, Later},
        validate::Checks,
    },
    state::{AppState, Shared},
};

const LIFETIME_MINUTES: i64 = 30;
const MAX_TOKEN_BYTES: usize = 200;
const BAD_TOKEN: ApiError = ApiError::BadRequest("This link is no longer valid. Please ask for a new one");

/// What asking for a link takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct ForgottenPassword {
    /// E-mail address of the account.
    email: String,
}

/// What a new password takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct NewPassword {
    /// The token of the link.
    token: String,
    /// At least 6 characters, at most 72 bytes.
    password: String,
}

/// Ask for a letter with a link to set a new password. The answer tells nobody whether the account exists.
#[utoipa::path(post, path = "/auth/forgot-password", tag = "auth", request_body = ForgottenPassword, responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "No e-mail address"),
))]
#[worker::send]
pub async fn forgot_password(
    State(state): State<Shared>,
    Extension(later): Extension<Later>,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<MessageOnly>> {
    let mut checks = Checks::new(&body);
    let email = checks.required("email", "Please enter a valid email address", email::fold);
    let email = checks.finish(email)?;
    // After the answer, so that its time tells nothing either.
    later.run(async move { write_letter(&state, &email).await });
    Ok(message("If this address has an account, a letter with a link is on its way"))
}

async fn write_letter(state: &AppState, email: &str) {
    let token = BASE64_URL_SAFE_NO_PAD.encode(durable::random_bytes::<32>());
    let expires = durable::now().plus(LIFETIME_MINUTES * 60_000);
    let name = match users::start_reset(&state.store, email, &hash_of(&token), expires).await {
        Ok(Some(name)) => name,
        Ok(None) => return,
        Err(error) => {
            console_error!("{}", json!({ "level": "error", "detail": format!("password reset: {error}") }));
            return;
        }
    };
    let link = format!("{}/reset-password?token={token}", state.public_url);
    let text = format!(
        "Hello {name},\n\nsomebody, probably you, wants a new password for the Aarambh account {email}.\n\n\
        Set it here within {LIFETIME_MINUTES} minutes:\n{link}\n\n\
        If it was not you, do nothing: your password stays as it is.\n"
    );
    send(state, Letter { to: email, subject: "Your new Aarambh password", text: &text }).await;
}

/// The token has 256 random bits, so a plain hash keeps it as secret as a slow one would.
fn hash_of(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// Set a new password with the token of a letter. Everything that was signed in ends.
#[utoipa::path(post, path = "/auth/reset-password", tag = "auth", request_body = NewPassword, responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the token used, old or unknown"),
))]
#[worker::send]
pub async fn reset_password(
    State(state): State<Shared>,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<MessageOnly>> {
    let mut checks = Checks::new(&body);
    let token = checks.secret("token", "The token of the link is missing", |text| !text.is_empty());
    let new =
        checks.secret("password", "Password must have at least 6 characters and at most 72 bytes", |text| {
            check_new_password(text).is_ok()
        });
    let (token, new) = checks.finish(token.zip(new))?;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(BAD_TOKEN);
    }
    let token = hash_of(token);
    let id = users::account_of_reset(&state.store, &token, durable::now()).await?.ok_or(BAD_TOKEN)?;
    let hash = password::hash(state.password_hash, new).await?;
    if !users::finish_reset(&state.store, id, &token, &hash, durable::now()).await? {
        return Err(BAD_TOKEN);
    }
    state.forget_account(id);
    Ok(message("Your new password is set; please sign in"))
}
