//! `GET /referrals/{id}`.

use axum::{Json, extract::State};
use domain::{Id, accounts::Role};
use store::referrals;

use super::list::{Shown, with_teachers};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath},
    },
    state::{AppState, Shared},
};

pub(super) const NO_CODE: ApiError = ApiError::NotFound("There is no such referral code");

/// A code with its teacher.
pub(super) async fn shown(state: &AppState, id: Id) -> ApiResult<Shown> {
    let code = referrals::by_id(&state.store, id).await?.ok_or(NO_CODE)?;
    with_teachers(state, vec![code]).await?.pop().ok_or(NO_CODE)
}

/// One code: for administrators and its teacher.
#[utoipa::path(get, path = "/referrals/{id}", tag = "referrals", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<Shown>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's code"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Shown>>> {
    let code = referrals::by_id(&state.store, id).await?.ok_or(NO_CODE)?;
    if user.account.role != Role::Admin && user.account.id != code.teacher {
        return Err(ApiError::Forbidden("This code is not yours"));
    }
    let code = with_teachers(&state, vec![code]).await?.pop().ok_or(NO_CODE)?;
    Ok(envelope("The referral code", code))
}
