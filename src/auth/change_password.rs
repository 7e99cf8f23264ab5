//! `PUT /auth/change-password`.

use axum::{Json, extract::State};
use domain::accounts::check_new_password;
use store::users;
use utoipa::ToSchema;

use super::password;
use crate::{
    http::{
        body::{MessageOnly, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        validate::Checks,
    },
    state::Shared,
};

/// What a change takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct PasswordChange {
    /// The password so far.
    current_password: String,
    /// At least 6 characters, at most 72 bytes.
    new_password: String,
}

/// Change the own password. All tokens of the account end, this one too.
#[utoipa::path(put, path = "/auth/change-password", tag = "auth", security(("bearer" = [])),
    request_body = PasswordChange, responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the current password is"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn change_password(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<MessageOnly>> {
    let mut checks = Checks::new(&body);
    let current = checks.secret("currentPassword", "Please enter your current password", |text| {
        !text.is_empty() && text.len() <= 1024
    });
    let new = checks.secret(
        "newPassword",
        "The new password must have at least 6 characters and at most 72 bytes",
        |text| check_new_password(text).is_ok(),
    );
    let (current, new) = checks.finish(current.zip(new))?;

    let id = user.account.id;
    let stored = users::credentials(&state.store, id).await?.map(|found| found.password);
    const WRONG: ApiError = ApiError::BadRequest("The current password is not correct");
    if !password::verify(current, stored.as_deref()).await {
        return Err(WRONG);
    }
    let hash = password::hash(state.password_hash, new).await?;
    // Two changes at once: the one that finds another hash in place has been overtaken.
    if !users::change_password(&state.store, id, stored.as_deref().unwrap_or_default(), &hash, durable::now())
        .await?
    {
        return Err(WRONG);
    }
    state.forget_account(id);
    Ok(message("Your password is changed; please sign in again"))
}
