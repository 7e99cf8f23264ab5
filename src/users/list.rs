//! `GET /users` and `POST /users/admin/search`: pages of users, for administrators.

use std::collections::HashMap;

use axum::{Json, extract::State};
use domain::{
    Id,
    accounts::Role,
    paging::{Page, Pagination},
};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::users::{self, RoleCount, Sort, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::expand::{Expanded, RegionRef, expand_all};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, JsonBody, QueryOf, told},
    },
    state::Shared,
};

const DEFAULT_LIMIT: u32 = 20;
/// Orders with an index.
const SORTS: [&str; 5] = ["createdAt", "name", "email", "phone", "role"];
const BAD_REGION: ApiError = ApiError::BadRequest("The region is not a valid id");

/// Which users, in which order.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `student`, `teacher` or `admin`; another text matches nobody.
    role: Option<String>,
    /// Region id.
    region: Option<String>,
    /// `active` or `inactive`; anything else does not filter.
    status: Option<String>,
    /// A fragment of name, address or number.
    search: Option<String>,
    /// `createdAt` (default), `name`, `email`, `phone` or `role`.
    sort_by: Option<String>,
    /// `desc` (default) sorts downwards, anything else upwards.
    sort_order: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
pub struct UserList {
    users: Vec<Expanded>,
    pagination: UserPagination,
    statistics: Vec<RoleCount>,
    filters: Filters,
}

/// Where the page lies; total and pages twice, since the teacher page of the admin site has other names for them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPagination {
    #[serde(flatten)]
    pagination: Pagination,
    total_pages: u64,
    total_users: u64,
}

impl From<Pagination> for UserPagination {
    fn from(pagination: Pagination) -> Self {
        Self { total_pages: pagination.pages, total_users: pagination.total, pagination }
    }
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    role: String,
    region: String,
    status: String,
    search: String,
    sort_by: &'static str,
    sort_order: String,
}

/// All users, a page at a time.
#[utoipa::path(get, path = "/users", tag = "users", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = Envelope<UserList>),
    (status = 400, body = ErrorBody, description = "The region is no id"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<Envelope<UserList>>> {
    let wanted = wanted(&query)?;
    let field = query.sort_by.as_deref().and_then(|by| SORTS.into_iter().find(|sort| *sort == by));
    let sort_order = query.sort_order.unwrap_or_else(|| "desc".into());
    let sort = Sort { field: field.unwrap_or("createdAt"), down: sort_order == "desc" };
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), DEFAULT_LIMIT);
    let (found, statistics) = try_join!(
        users::page(&state.store, &wanted, sort, page),
        users::counts_by_role(&state.store, &wanted)
    )?;
    let users = expand_all(&state, found, durable::now()).await?;
    let users = with_teachers(&state, users).await?;
    let total = statistics.iter().map(|role| role.count.as_i64()).sum::<i64>();
    let filters = Filters {
        role: told(query.role, "all"),
        region: told(query.region, "all"),
        status: told(query.status, "all"),
        search: told(query.search, "none"),
        sort_by: sort.field,
        sort_order,
    };
    let pagination = page.of_total(u64::try_from(total).unwrap_or(0)).into();
    Ok(envelope("Users", UserList { users, pagination, statistics, filters }))
}

fn wanted(query: &ListQuery) -> ApiResult<Wanted> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.trim().is_empty());
    Ok(Wanted {
        role: given(&query.role),
        region: given(&query.region).map(|id| id.parse::<Id>().map_err(|_| BAD_REGION)).transpose()?,
        is_active: match query.status.as_deref() {
            Some("active") => Some(true),
            Some("inactive") => Some(false),
            _ => None,
        },
        search: given(&query.search),
        ..Wanted::default()
    })
}

/// The teacher page of the admin site reads referral counts, and a region whatever happens.
async fn with_teachers(state: &Shared, mut users: Vec<Expanded>) -> ApiResult<Vec<Expanded>> {
    let teachers: Vec<Id> =
        users.iter().filter(|user| user.role == Role::Teacher).map(|user| user.id).collect();
    let counts: HashMap<Id, (i64, i64)> = users::referral_counts(&state.store, &teachers)
        .await?
        .into_iter()
        .map(|(teacher, all, active)| (teacher, (all, active)))
        .collect();
    for user in users.iter_mut().filter(|user| user.role == Role::Teacher) {
        let (all, active) = counts.get(&user.id).copied().unwrap_or_default();
        (user.total_referrals, user.active_referrals) = (Some(all), Some(active));
        user.region.get_or_insert_with(|| RegionRef::missing(user.id));
    }
    Ok(users)
}

/// What search takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes scalars only")]
pub struct UserSearch {
    /// A fragment of name, address or number.
    query: Option<String>,
    /// `student`, `teacher` or `admin`.
    role: Option<String>,
    /// Region id.
    region: Option<String>,
    /// `active` or `inactive`; anything else does not filter.
    status: Option<String>,
    /// `active`, `expired` or `inactive`; only with the role student.
    subscription_status: Option<String>,
    /// From 1.
    page: Option<u32>,
    /// 1 to 100.
    limit: Option<u32>,
}

/// A page of what was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    users: Vec<Expanded>,
    pagination: UserPagination,
    search_criteria: Criteria,
}

/// What was searched for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Criteria {
    query: String,
    role: String,
    region: String,
    status: String,
    subscription_status: String,
}

/// Users by filters in the body, newest first.
#[utoipa::path(post, path = "/users/admin/search", tag = "users", security(("bearer" = [])), request_body = UserSearch,
    responses(
    (status = 200, body = Envelope<Found>),
    (status = 400, body = ErrorBody, description = "A filter is no text, or the region no id"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn search(
    State(state): State<Shared>,
    _admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Found>>> {
    let scalar = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(_) => Err(ApiError::BadRequest("Filters must be plain texts or numbers")),
    };
    let query = ListQuery {
        role: scalar("role")?,
        region: scalar("region")?,
        status: scalar("status")?,
        search: scalar("query")?,
        page: scalar("page")?,
        limit: scalar("limit")?,
        ..ListQuery::default()
    };
    let subscription = scalar("subscriptionStatus")?.filter(|status| !status.is_empty());
    let now = durable::now();
    let mut wanted = wanted(&query)?;
    if query.role.as_deref() == Some("student") {
        wanted.subscription = subscription.clone().map(|status| (status, now));
    }
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), DEFAULT_LIMIT);
    let sort = Sort { field: "createdAt", down: true };
    let (found, counts) = try_join!(
        users::page(&state.store, &wanted, sort, page),
        users::counts_by_role(&state.store, &wanted)
    )?;
    let total = counts.iter().map(|role| role.count.as_i64()).sum::<i64>();
    let search_criteria = Criteria {
        query: told(query.search, "none"),
        role: told(query.role, "all"),
        region: told(query.region, "all"),
        status: told(query.status, "all"),
        subscription_status: told(subscription, "all"),
    };
    let pagination = page.of_total(u64::try_from(total).unwrap_or(0)).into();
    let users = expand_all(&state, found, now).await?;
    Ok(envelope("Users found", Found { users, pagination, search_criteria }))
}
