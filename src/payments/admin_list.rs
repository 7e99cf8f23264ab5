//! Purchases and subscribers, for administrators.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    paging::{Page, Pagination},
};
use serde::{Deserialize, Serialize};
use store::{
    plans::PlanRefDuration,
    transactions::{self, Wanted},
    users::{self, Subscriber},
};
use utoipa::{IntoParams, ToSchema};

use super::show::{Detailed, with_buyers};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, QueryOf, query_time},
    },
    state::Shared,
};

/// Which purchases.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `pending`, `completed`, `failed`, `refunded` or `cancelled`; another text matches nothing.
    status: Option<String>,
    /// Account id.
    user_id: Option<String>,
    /// Plan id.
    plan_id: Option<String>,
    /// ISO 8601; inclusive.
    start_date: Option<String>,
    /// ISO 8601; inclusive.
    end_date: Option<String>,
    /// A fragment of the buyer's name or address.
    search: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of purchases.
#[derive(Serialize, ToSchema)]
pub struct TransactionList {
    transactions: Vec<Detailed>,
    pagination: Pagination,
}

fn id(text: Option<&String>) -> ApiResult<Option<Id>> {
    let given = text.filter(|text| !text.is_empty());
    given
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| ApiError::BadRequest("userId and planId must be ids"))
}

fn page_of(page: Option<&str>, limit: Option<&str>) -> Page {
    Page::from_text(page, limit.filter(|limit| limit.trim() != "0"), 20)
}

/// All purchases, newest first.
#[utoipa::path(get, path = "/admin/transactions", tag = "admin", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = DataOnly<TransactionList>),
    (status = 400, body = ErrorBody, description = "An id or date cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<DataOnly<TransactionList>>> {
    let mut wanted = Wanted {
        user: id(query.user_id.as_ref())?,
        users: None,
        plan: id(query.plan_id.as_ref())?,
        status: query.status.filter(|status| !status.is_empty()),
        from: query_time(query.start_date.as_ref())?,
        until: query_time(query.end_date.as_ref())?,
    };
    if let Some(search) = query.search.as_deref().filter(|search| !search.trim().is_empty()) {
        let found = users::ids_matching(&state.store, search).await?;
        match wanted.user {
            Some(user) if !found.contains(&user) => wanted.users = Some(Vec::new()),
            Some(_) => {}
            None => wanted.users = Some(found),
        }
        if wanted.users.as_ref().is_some_and(Vec::is_empty) {
            wanted.user = None;
        }
    }
    let page = page_of(query.page.as_deref(), query.limit.as_deref());
    let (found, total) = transactions::page(&state.store, &wanted, page).await?;
    let transactions = with_buyers(&state, found, false, true).await?;
    Ok(data(TransactionList { transactions, pagination: page.of_total(total) }))
}

/// One purchase.
#[utoipa::path(get, path = "/admin/transactions/{transactionId}", tag = "admin", security(("bearer" = [])),
    params(("transactionId" = Id, Path)), responses(
    (status = 200, body = DataOnly<Detailed>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    _admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<DataOnly<Detailed>>> {
    const NO_TRANSACTION: ApiError = ApiError::NotFound("There is no such transaction");
    let found = transactions::by_id(&state.store, id).await?.ok_or(NO_TRANSACTION)?;
    let shown = with_buyers(&state, vec![found], true, true).await?.pop();
    Ok(data(shown.ok_or(NO_TRANSACTION)?))
}

/// Which students.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct SubscriberQuery {
    /// `active`, `expired`, `inactive` or `cancelled`; another text matches nobody.
    status: Option<String>,
    /// Plan id.
    plan_id: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A student with his plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownSubscriber {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    phone: String,
    student_info: SubscriberPlan,
}

/// His plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberPlan {
    /// Absent when none was ever bought, null when the plan is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_plan: Option<Option<PlanRefDuration>>,
    /// `active`, `expired`, `inactive` or `cancelled`.
    subscription_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_expiry: Option<Timestamp>,
}

/// A page of students.
#[derive(Serialize, ToSchema)]
pub struct SubscriberList {
    users: Vec<ShownSubscriber>,
    pagination: Pagination,
}

/// Students with their plan.
#[utoipa::path(get, path = "/admin/users/subscriptions", tag = "admin", security(("bearer" = [])),
    params(SubscriberQuery), responses(
    (status = 200, body = DataOnly<SubscriberList>),
    (status = 400, body = ErrorBody, description = "The plan is no id"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn subscribers(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(query): QueryOf<SubscriberQuery>,
) -> ApiResult<Json<DataOnly<SubscriberList>>> {
    let now = durable::now();
    let plan = id(query.plan_id.as_ref())?;
    let status = query.status.filter(|status| !status.is_empty());
    let page = page_of(query.page.as_deref(), query.limit.as_deref());
    let (found, total) = users::subscribers(&state.store, status.as_deref(), plan, page, now).await?;
    let plans = state.plans(found.iter().filter_map(|student| student.student_info.current_plan)).await?;
    let shown = |student: Subscriber| {
        let runs = student.student_info.plan_expiry_date.map(|expiry| expiry > now);
        ShownSubscriber {
            student_info: SubscriberPlan {
                current_plan: student
                    .student_info
                    .current_plan
                    .map(|id| plans.get(&id).map(PlanRefDuration::from)),
                subscription_status: match runs {
                    Some(true) if student.subscription_cancelled_at.is_some() => "cancelled",
                    Some(true) => "active",
                    Some(false) => "expired",
                    None => "inactive",
                },
                subscription_expiry: student.student_info.plan_expiry_date,
            },
            id: student.id,
            name: student.name,
            email: student.email,
            phone: student.phone,
        }
    };
    let users = found.into_iter().map(shown).collect();
    Ok(data(SubscriberList { users, pagination: page.of_total(total) }))
}
