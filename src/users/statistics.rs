//! `GET /users/admin/statistics`: figures about users, in one aggregation.

use axum::{Json, extract::State};
use domain::Id;
use serde::{Deserialize, Serialize};
use store::users::{self, RecentUser, RegionUsers, RoleStatistics, SubscriptionCount, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::expand::RegionRef;
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, QueryOf, query_time, told},
    },
    state::Shared,
};

/// A time span, and a region.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// ISO 8601; inclusive.
    start_date: Option<String>,
    /// ISO 8601; inclusive. A bare day is its first instant.
    end_date: Option<String>,
    /// Region id.
    region: Option<String>,
}

/// Figures about users.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStatistics {
    user_stats: Vec<RoleStatistics>,
    recent_users: Vec<RecentUser<Option<RegionRef>>>,
    top_regions: Vec<RegionUsers>,
    subscription_stats: Vec<SubscriptionCount>,
    filters: SpanFilters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpanFilters {
    start_date: String,
    end_date: String,
    region: String,
}

/// Counts by role, newest users, busiest regions, subscriptions.
#[utoipa::path(get, path = "/users/admin/statistics", tag = "users", security(("bearer" = [])), params(Span), responses(
    (status = 200, body = Envelope<UserStatistics>),
    (status = 400, body = ErrorBody, description = "A date or the region cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(span): QueryOf<Span>,
) -> ApiResult<Json<Envelope<UserStatistics>>> {
    let region = span.region.as_ref().filter(|region| !region.is_empty());
    let region = region.map(|id| id.parse::<Id>()).transpose();
    let wanted = Wanted {
        region: region.map_err(|_| ApiError::BadRequest("The region is not a valid id"))?,
        from: query_time(span.start_date.as_ref())?,
        until: query_time(span.end_date.as_ref())?,
        ..Wanted::default()
    };
    let found = users::statistics(&state.store, &wanted, durable::now()).await?;
    let found = found.ok_or_else(|| ApiError::Internal("no statistics came back".into()))?;
    let regions = state.regions(found.recent_users.iter().filter_map(|user| user.region)).await?;
    let named = |user: RecentUser| RecentUser {
        region: user.region.and_then(|id| regions.get(&id)).map(RegionRef::from),
        id: user.id,
        name: user.name,
        email: user.email,
        role: user.role,
        is_active: user.is_active,
        created_at: user.created_at,
    };
    Ok(envelope(
        "User statistics",
        UserStatistics {
            user_stats: found.user_stats,
            recent_users: found.recent_users.into_iter().map(named).collect(),
            top_regions: found.top_regions,
            subscription_stats: found.subscription_stats,
            filters: SpanFilters {
                start_date: told(span.start_date, "none"),
                end_date: told(span.end_date, "none"),
                region: told(span.region, "all"),
            },
        },
    ))
}
