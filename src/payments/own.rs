//! A buyer's own purchases and subscription.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    accounts::Role,
    paging::{Page, Pagination},
    payment::Status,
};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use store::{
    plans::PlanRefFeatures,
    purchases,
    transactions::{self, Wanted},
};
use utoipa::{IntoParams, ToSchema};

use super::show::{Detailed, Own, with_buyers, with_plans};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, QueryOf},
    },
    state::Shared,
};

const NEWEST: u32 = 10;

/// The caller's subscription.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// `active` or `inactive`.
    subscription_status: &'static str,
    /// Absent when none was ever bought, null when the plan is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_plan: Option<Option<PlanRefFeatures>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_expiry: Option<Timestamp>,
    transactions: Vec<Own>,
}

/// The own subscription, and the newest purchases.
#[utoipa::path(get, path = "/transactions/subscription", tag = "payments", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<Subscription>),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "The account is gone"),
))]
#[worker::send]
pub async fn subscription(
    State(state): State<Shared>,
    user: AuthUser,
) -> ApiResult<Json<DataOnly<Subscription>>> {
    let id = user.account.id;
    let wanted = Wanted { user: Some(id), ..Wanted::default() };
    let page = Page { page: 1, limit: NEWEST };
    let (holding, (found, _)) =
        try_join!(purchases::holding(&state.store, id), transactions::page(&state.store, &wanted, page))?;
    let holding = holding.ok_or(ApiError::NotFound("This account does not exist any more"))?.student_info;
    let runs = holding.plan_expiry_date.is_some_and(|expiry| expiry > durable::now());
    let current_plan = match holding.current_plan {
        Some(plan) => Some(state.plan(plan).await?.as_ref().map(PlanRefFeatures::from)),
        None => None,
    };
    let mut transactions = with_plans(&state, found, false).await?;
    // Purchases of the old server do not say when they end: the newest one ends with the subscription.
    if let Some(newest) = transactions.iter_mut().find(|purchase| purchase.status == Status::Completed) {
        newest.expires_at = newest.expires_at.or(holding.plan_expiry_date);
    }
    Ok(data(Subscription {
        subscription_status: if runs { "active" } else { "inactive" },
        current_plan,
        subscription_expiry: holding.plan_expiry_date,
        transactions,
    }))
}

/// Which purchases.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// `pending`, `completed`, `failed`, `refunded` or `cancelled`; another text matches nothing.
    status: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of purchases.
#[derive(Serialize, ToSchema)]
pub struct History {
    transactions: Vec<Own>,
    pagination: Pagination,
}

/// The own purchases, newest first.
#[utoipa::path(get, path = "/transactions/history", tag = "payments", security(("bearer" = [])), params(HistoryQuery),
    responses(
    (status = 200, body = DataOnly<History>),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn history(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> ApiResult<Json<DataOnly<History>>> {
    let status = query.status.filter(|status| !status.is_empty());
    let wanted = Wanted { user: Some(user.account.id), status, ..Wanted::default() };
    let limit = query.limit.as_deref().filter(|limit| limit.trim() != "0");
    let page = Page::from_text(query.page.as_deref(), limit, 10);
    let (found, total) = transactions::page(&state.store, &wanted, page).await?;
    let transactions = with_plans(&state, found, false).await?;
    Ok(data(History { transactions, pagination: page.of_total(total) }))
}

/// One purchase: the own one, or anybody's for an administrator.
#[utoipa::path(get, path = "/transactions/{transactionId}", tag = "payments", security(("bearer" = [])),
    params(("transactionId" = Id, Path)), responses(
    (status = 200, body = DataOnly<Detailed>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<DataOnly<Detailed>>> {
    const NO_TRANSACTION: ApiError = ApiError::NotFound("There is no such transaction");
    let found = transactions::by_id(&state.store, id).await?.ok_or(NO_TRANSACTION)?;
    if found.user != user.account.id && user.account.role != Role::Admin {
        return Err(ApiError::Forbidden("This transaction is not yours"));
    }
    let shown = with_buyers(&state, vec![found], true, false).await?.pop();
    Ok(data(shown.ok_or(NO_TRANSACTION)?))
}
