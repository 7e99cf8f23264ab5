//! `GET /referrals`: pages of codes, for administrators.

use std::collections::HashMap;

use axum::{Json, extract::State};
use domain::{
    Id,
    paging::{Page, Pagination},
};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use store::{
    referrals::{self, Referral, StateCount, Wanted},
    users::{self, UserContact},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, QueryOf, told},
    },
    state::{AppState, Shared},
};

const DEFAULT_LIMIT: u32 = 20;
/// Orders with an index.
const SORTS: [&str; 3] = ["createdAt", "totalUses", "referralCode"];

/// A code with its teacher; null when he is gone.
pub type Shown = Referral<Option<UserContact>>;

/// Which codes, in which order.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Account id of a teacher.
    teacher: Option<String>,
    /// `active` or `inactive`; anything else does not filter.
    status: Option<String>,
    /// A fragment of code or description.
    search: Option<String>,
    /// `createdAt` (default), `totalUses` or `referralCode`.
    sort_by: Option<String>,
    /// `desc` (default) sorts downwards, anything else upwards.
    sort_order: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of codes.
#[derive(Serialize, ToSchema)]
pub struct ReferralList {
    referrals: Vec<Shown>,
    pagination: Pagination,
    statistics: Vec<StateCount>,
    filters: Filters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    teacher: String,
    status: String,
    search: String,
    sort_by: &'static str,
    sort_order: String,
}

/// Codes with their teachers, with one look at the users.
pub async fn with_teachers(state: &AppState, found: Vec<Referral>) -> ApiResult<Vec<Shown>> {
    let ids: Vec<Id> = found.iter().map(|code| code.teacher).collect();
    let contacts = if ids.is_empty() { Vec::new() } else { users::contacts(&state.store, &ids).await? };
    let contacts: HashMap<Id, UserContact> = contacts.into_iter().map(|user| (user.id, user)).collect();
    let shown = |code: Referral| {
        let teacher = contacts.get(&code.teacher).cloned();
        code.of(teacher)
    };
    Ok(found.into_iter().map(shown).collect())
}

/// All codes, a page at a time.
#[utoipa::path(get, path = "/referrals", tag = "referrals", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = Envelope<ReferralList>),
    (status = 400, body = ErrorBody, description = "The teacher is no id"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<Envelope<ReferralList>>> {
    let teacher = query.teacher.as_ref().filter(|id| !id.is_empty()).map(|id| id.parse::<Id>()).transpose();
    let wanted = Wanted {
        teacher: teacher.map_err(|_| ApiError::BadRequest("The teacher is not a valid id"))?,
        is_active: match query.status.as_deref() {
            Some("active") => Some(true),
            Some("inactive") => Some(false),
            _ => None,
        },
        search: query.search.clone(),
        ..Wanted::default()
    };
    let field = query.sort_by.as_deref().and_then(|by| SORTS.into_iter().find(|sort| *sort == by));
    let sort_order = query.sort_order.unwrap_or_else(|| "desc".into());
    let sort = (field.unwrap_or("createdAt"), sort_order == "desc");
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), DEFAULT_LIMIT);
    let (found, statistics) = try_join!(
        referrals::page(&state.store, &wanted, sort, page),
        referrals::counts(&state.store, &wanted)
    )?;
    let total: i64 = statistics.iter().map(|state| state.count.as_i64()).sum();
    let filters = Filters {
        teacher: told(query.teacher, "all"),
        status: told(query.status, "all"),
        search: told(query.search, "none"),
        sort_by: sort.0,
        sort_order,
    };
    let pagination = page.of_total(u64::try_from(total).unwrap_or(0));
    let referrals = with_teachers(&state, found).await?;
    Ok(envelope("Referral codes", ReferralList { referrals, pagination, statistics, filters }))
}
