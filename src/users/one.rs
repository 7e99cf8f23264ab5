//! `GET /users/{id}`, and switching an account off and on.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, accounts::Role};
use serde::Serialize;
use serde_json::{Map, json};
use store::{
    audit::changes,
    ejson::{date, plain},
    plans::PlanRefFeatures,
    users::{self, Change},
};
use utoipa::ToSchema;

use super::{
    expand::{Expanded, Stored, expand},
    ranking::refresh_ranking,
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, AuthUser, IdPath},
    },
    state::Shared,
};

const ALREADY_ACTIVE: ApiError = ApiError::BadRequest("The user is active already");
pub(super) const NO_USER: ApiError = ApiError::NotFound("There is no such user");

/// One user: oneself, or anybody for an administrator.
#[utoipa::path(get, path = "/users/{id}", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, description = "Account id")), responses(
    (status = 200, body = Envelope<Expanded<PlanRefFeatures>>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's profile"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Expanded<PlanRefFeatures>>>> {
    if user.account.id != id && user.account.role != Role::Admin {
        return Err(ApiError::Forbidden("This profile is not yours"));
    }
    let found = users::by_id(&state.store, id).await?.ok_or(NO_USER)?;
    Ok(envelope("The user", expand(&state, found, durable::now()).await?.ok_or(NO_USER)?))
}

/// An account that was switched off.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deactivated {
    id: Id,
    name: String,
    email: String,
    deactivated_at: Timestamp,
}

/// An account that was switched on again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reactivated {
    id: Id,
    name: String,
    email: String,
    reactivated_at: Timestamp,
}

/// Switch an account off; its tokens stop working. Nothing is deleted.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, description = "Account id")), responses(
    (status = 200, body = Envelope<Deactivated>),
    (status = 400, body = ErrorBody, description = "The id is malformed, or it is the own account"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn deactivate(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Deactivated>>> {
    if id == admin.account.id {
        return Err(ApiError::BadRequest("You cannot deactivate your own account"));
    }
    let (user, deactivated_at) = switch(&state, &admin, id, false).await?;
    Ok(envelope(
        "The user is deactivated",
        Deactivated { id, name: user.name, email: user.email, deactivated_at },
    ))
}

/// Switch an account on again.
#[utoipa::path(patch, path = "/users/{id}/reactivate", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, description = "Account id")), responses(
    (status = 200, body = Envelope<Reactivated>),
    (status = 400, body = ErrorBody, description = "The id is malformed, or the account is active"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn reactivate(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Reactivated>>> {
    let (user, reactivated_at) = switch(&state, &admin, id, true).await?;
    Ok(envelope(
        "The user is active again",
        Reactivated { id, name: user.name, email: user.email, reactivated_at },
    ))
}

/// Sets whether an account may sign in; answers how it was before, and when it was set.
async fn switch(state: &Shared, admin: &Admin, id: Id, active: bool) -> ApiResult<(Stored, Timestamp)> {
    let user = users::by_id(&state.store, id).await?.ok_or(NO_USER)?;
    if active && user.is_active {
        return Err(ALREADY_ACTIVE);
    }
    let now = durable::now();
    let at = if active { "reactivatedAt" } else { "deactivatedAt" };
    let set: Map<_, _> =
        [("isActive".to_owned(), json!(active)), (at.to_owned(), date(now))].into_iter().collect();
    let action = if active { "users.reactivate" } else { "users.deactivate" };
    let entry = admin.entry(action, id, changes(&plain(json!(user)), &set));
    let change = Change { set, sign_out: false, was_active: active.then_some(false) };
    if !users::update(&state.store, id, change, Some(&entry), now).await? {
        // Switching on again, somebody else was faster.
        return Err(if active { ALREADY_ACTIVE } else { NO_USER });
    }
    state.forget_account(id);
    refresh_ranking(state, id, [user.region, None]).await;
    Ok((user, now))
}
