//! Figures about money, for administrators.

use axum::{Json, extract::State};
use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use store::{
    ejson::Num,
    transactions::{self, CodeUse, StatusCount, TopPlan, Wanted},
    users::{self, SubscriptionTotals},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiResult, ErrorBody},
        extract::{Admin, QueryOf, query_time},
    },
    state::Shared,
};

const DEFAULT_MS: i64 = 30 * 24 * 3_600_000;
const SOON_MS: i64 = 7 * 24 * 3_600_000;

/// A period; the last 30 days when absent.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// ISO 8601; inclusive.
    start_date: Option<String>,
    /// ISO 8601; inclusive.
    end_date: Option<String>,
}

/// The period in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    start_date: Timestamp,
    end_date: Timestamp,
}

/// Figures of a period.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevenueStatistics {
    period: Period,
    total_transactions: i64,
    completed_transactions: i64,
    pending_transactions: i64,
    total_revenue: Num,
    total_discount: Num,
    /// The same as the revenue: discounts never were in it.
    net_revenue: Num,
    transactions_by_status: Vec<StatusCount>,
    top_plans: Vec<TopPlan>,
    referral_stats: Vec<CodeUse>,
}

/// Revenue, discounts, plans and codes of a period.
#[utoipa::path(get, path = "/admin/transactions/statistics", tag = "admin", security(("bearer" = [])), params(Span),
    responses(
    (status = 200, body = DataOnly<RevenueStatistics>),
    (status = 400, body = ErrorBody, description = "A date cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(span): QueryOf<Span>,
) -> ApiResult<Json<DataOnly<RevenueStatistics>>> {
    let end_date = query_time(span.end_date.as_ref())?.unwrap_or_else(durable::now);
    let start_date =
        query_time(span.start_date.as_ref())?.unwrap_or_else(|| durable::now().plus(-DEFAULT_MS));
    let wanted = Wanted { from: Some(start_date), until: Some(end_date), ..Wanted::default() };
    let mut found = transactions::statistics(&state.store, &wanted).await?;
    let count = |status: &str| {
        found.by_status.iter().find(|line| line.status == status).map_or(0, |line| line.count.as_i64())
    };
    let sums = found.sums.pop().unwrap_or_default();
    Ok(data(RevenueStatistics {
        period: Period { start_date, end_date },
        total_transactions: found.by_status.iter().map(|line| line.count.as_i64()).sum(),
        completed_transactions: count("completed"),
        pending_transactions: count("pending"),
        net_revenue: sums.revenue.clone(),
        total_revenue: sums.revenue,
        total_discount: sums.discount,
        transactions_by_status: found.by_status,
        top_plans: found.top_plans,
        referral_stats: found.codes,
    }))
}

/// Subscribers of a plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanSubscribers {
    #[serde(rename = "_id")]
    id: Id,
    plan_name: String,
    count: Num,
}

/// Counts of subscriptions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionStatistics {
    active_subscriptions: Num,
    expired_subscriptions: Num,
    /// Within seven days.
    expiring_soon: Num,
    subscriptions_by_plan: Vec<PlanSubscribers>,
}

/// How many students have a plan, and which.
#[utoipa::path(get, path = "/admin/subscriptions/statistics", tag = "admin", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<SubscriptionStatistics>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn subscriptions(
    State(state): State<Shared>,
    _admin: Admin,
) -> ApiResult<Json<DataOnly<SubscriptionStatistics>>> {
    let now = durable::now();
    let SubscriptionTotals { active, expired, soon, by_plan } =
        users::subscription_totals(&state.store, now, now.plus(SOON_MS)).await?;
    let plans = state.plans(by_plan.iter().map(|line| line.plan)).await?;
    let named = |line: users::PlanCount| {
        Some(PlanSubscribers {
            id: line.plan,
            plan_name: plans.get(&line.plan)?.name.clone(),
            count: line.count,
        })
    };
    Ok(data(SubscriptionStatistics {
        active_subscriptions: active,
        expired_subscriptions: expired,
        expiring_soon: soon,
        subscriptions_by_plan: by_plan.into_iter().filter_map(named).collect(),
    }))
}
