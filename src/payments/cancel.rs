//! `POST /transactions/cancel-subscription`.

use axum::{Json, extract::State};
use store::purchases;

use crate::{
    http::{
        body::{MessageOnly, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::AuthUser,
    },
    state::Shared,
};

/// Call off the own subscription. It stays open until its end.
#[utoipa::path(post, path = "/transactions/cancel-subscription", tag = "payments", security(("bearer" = [])), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "No subscription runs"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn cancel(State(state): State<Shared>, user: AuthUser) -> ApiResult<Json<MessageOnly>> {
    if purchases::cancelled(&state.store, user.account.id, durable::now()).await? {
        Ok(message("Your subscription is cancelled; it stays open until its end"))
    } else {
        Err(ApiError::BadRequest("You have no active subscription"))
    }
}
