//! `GET /auth/me` and `POST /auth/logout`.

use axum::{Json, extract::State, http::HeaderMap};
use domain::Id;
use serde::Serialize;
use store::users::{self, TeacherInfo};
use utoipa::ToSchema;

use crate::{
    http::{
        body::{DataOnly, MessageOnly, data, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, check_claims, claims},
    },
    state::Shared,
    users::expand::{Expanded, RegionRef, expand},
};

const NO_ACCOUNT: ApiError = ApiError::Unauthorized("The account of this token does not exist");

/// The user, and once more the fields that a screen of the app reads one level higher.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    user: Expanded,
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    phone: String,
    region: Option<RegionRef>,
    teacher_info: TeacherInfo,
}

/// The signed-in user.
#[utoipa::path(get, path = "/auth/me", tag = "auth", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<Me>),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn me(State(state): State<Shared>, headers: HeaderMap) -> ApiResult<Json<DataOnly<Me>>> {
    // One read serves the check of the token and the answer.
    let claims = claims(&headers, &state)?;
    let user = users::by_id(&state.store, claims.user_id).await?.ok_or(NO_ACCOUNT)?;
    check_claims(&claims, user.is_active, user.token_version.as_i64(), &user.revoked_tokens)?;
    let user = expand(&state, user, durable::now()).await?.ok_or(NO_ACCOUNT)?;
    Ok(data(Me {
        id: user.id,
        name: user.name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        region: user.region.clone(),
        teacher_info: user.teacher_info.clone(),
        user,
    }))
}

/// Sign out: the token is over, other devices stay signed in.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("bearer" = [])), responses(
    (status = 200, body = MessageOnly),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn logout(State(state): State<Shared>, user: AuthUser) -> ApiResult<Json<MessageOnly>> {
    users::signed_out(&state.store, user.account.id, user.claims.id.as_deref(), durable::now()).await?;
    state.forget_account(user.account.id);
    Ok(message("You are signed out"))
}
