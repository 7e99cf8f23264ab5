//! `GET /regions/{id}` and its statistics.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, accounts::Role};
use futures_util::try_join;
use serde::Serialize;
use store::{
    regions::{self, Region},
    users::{self, RegionCount, RolesOfRegion},
};
use utoipa::ToSchema;

use super::list::People;
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, AuthUser, IdPath},
    },
    state::Shared,
};

pub(super) const NO_REGION: ApiError = ApiError::NotFound("There is no such region");

/// A region with the number of its people.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailedRegion {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    is_active: bool,
    #[serde(flatten)]
    people: People,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// One region.
#[utoipa::path(get, path = "/regions/{id}", tag = "regions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Region id")), responses(
    (status = 200, body = Envelope<DetailedRegion>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    _user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<DetailedRegion>>> {
    let (region, counts) =
        try_join!(regions::by_id(&state.store, id), users::counts_by_region(&state.store, Some(id)))?;
    let region = region.ok_or(NO_REGION)?;
    Ok(envelope(
        "The region",
        DetailedRegion {
            id,
            name: region.name,
            code: region.code,
            description: region.description,
            is_active: region.is_active,
            people: count(&counts),
            created_at: region.created_at,
            updated_at: region.updated_at,
        },
    ))
}

fn count(counts: &[RegionCount]) -> People {
    People::count(&counts.iter().collect::<Vec<_>>())
}

/// Names a region.
#[derive(Serialize, ToSchema)]
pub struct NamedRegion {
    id: Id,
    name: String,
    code: String,
}

impl From<Region> for NamedRegion {
    fn from(region: Region) -> Self {
        Self { id: region.id, name: region.name, code: region.code }
    }
}

/// A user who came lately.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Newcomer {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    role: Role,
    created_at: Timestamp,
}

/// Figures about a region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatistics {
    region: NamedRegion,
    statistics: People,
    user_breakdown: Vec<RolesOfRegion>,
    recent_users: Vec<Newcomer>,
}

/// Counts and newest users of a region.
#[utoipa::path(get, path = "/regions/{id}/statistics", tag = "regions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Region id")), responses(
    (status = 200, body = Envelope<RegionStatistics>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<RegionStatistics>>> {
    let (region, counts, (user_breakdown, recent)) = try_join!(
        regions::by_id(&state.store, id),
        users::counts_by_region(&state.store, Some(id)),
        users::region_statistics(&state.store, id),
    )?;
    let region = region.ok_or(NO_REGION)?.into();
    let shown = |user: users::RecentUser| Newcomer {
        id: user.id,
        name: user.name,
        email: user.email,
        role: user.role,
        created_at: user.created_at,
    };
    let recent_users = recent.into_iter().map(shown).collect();
    Ok(envelope(
        "Region statistics",
        RegionStatistics { region, statistics: count(&counts), user_breakdown, recent_users },
    ))
}
