//! `GET /plans/admin/statistics`. All plans fit one small read, so counting is done here.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, subscription::days};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    ejson::Num,
    plans::{self, Plan},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiResult, ErrorBody},
        extract::{Admin, QueryOf, query_time, told},
    },
    state::Shared,
};

const RECENT: usize = 10;
/// Lower bounds of the price ranges; from the last one up there is one more.
const BOUNDS: [i64; 6] = [0, 100, 500, 1000, 5000, 10_000];

/// A time span.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// ISO 8601; the plan was made from here on.
    start_date: Option<String>,
    /// ISO 8601; up to here.
    end_date: Option<String>,
}

/// Figures about plans.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatistics {
    plan_stats: Vec<StateStatistics>,
    popular_plans: Vec<PopularPlan>,
    price_ranges: Vec<PriceRange>,
    recent_plans: Vec<RecentPlan>,
    filters: Filters,
}

/// Plans on sale, or not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateStatistics {
    #[serde(rename = "_id")]
    is_active: bool,
    count: usize,
    avg_price: f64,
    /// Days.
    avg_duration: f64,
}

/// A plan that is shown as popular.
#[derive(Serialize, ToSchema)]
pub struct PopularPlan {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    price: Num,
    duration: Num,
    priority: Num,
}

/// Plans of a price range.
#[derive(Serialize, ToSchema)]
pub struct PriceRange {
    /// The lower bound, or `Above 10000`.
    #[serde(rename = "_id")]
    #[schema(value_type = String)]
    bound: Value,
    count: usize,
    plans: Vec<NamedPrice>,
}

/// A name and a price.
#[derive(Serialize, ToSchema)]
pub struct NamedPrice {
    name: String,
    price: Num,
}

/// A plan that came lately.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentPlan {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    price: Num,
    duration: Num,
    is_active: bool,
    created_at: Timestamp,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    start_date: String,
    end_date: String,
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let count = values.len() as f64;
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count }
}

fn by_state(plans: &[Plan]) -> Vec<StateStatistics> {
    let of = |is_active: bool| {
        let some: Vec<&Plan> = plans.iter().filter(|plan| plan.is_active == is_active).collect();
        (!some.is_empty()).then(|| StateStatistics {
            is_active,
            count: some.len(),
            avg_price: mean(some.iter().map(|plan| plan.price.as_f64())),
            avg_duration: mean(some.iter().map(|plan| days(plan.duration.as_f64(), &plan.duration_type))),
        })
    };
    [true, false].into_iter().filter_map(of).collect()
}

fn ranges(plans: &[Plan]) -> Vec<PriceRange> {
    let place = |plan: &Plan| {
        #[expect(clippy::cast_precision_loss, reason = "small bounds")]
        let below = BOUNDS.iter().filter(|bound| **bound as f64 <= plan.price.as_f64()).count();
        below.saturating_sub(1)
    };
    let range = |(at, bound): (usize, &i64)| {
        let some: Vec<&Plan> = plans.iter().filter(|plan| place(plan) == at).collect();
        let last = at + 1 == BOUNDS.len();
        (!some.is_empty()).then(|| PriceRange {
            bound: if last { json!("Above 10000") } else { json!(bound) },
            count: some.len(),
            plans: some
                .into_iter()
                .map(|plan| NamedPrice { name: plan.name.clone(), price: plan.price.clone() })
                .collect(),
        })
    };
    BOUNDS.iter().enumerate().filter_map(range).collect()
}

/// Counts, price ranges, popular and newest plans.
#[utoipa::path(get, path = "/plans/admin/statistics", tag = "plans", security(("bearer" = [])), params(Span), responses(
    (status = 200, body = Envelope<PlanStatistics>),
    (status = 400, body = ErrorBody, description = "A date cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(span): QueryOf<Span>,
) -> ApiResult<Json<Envelope<PlanStatistics>>> {
    let (from, until) = (query_time(span.start_date.as_ref())?, query_time(span.end_date.as_ref())?);
    let all = plans::all(&state.store).await?;
    let mut popular: Vec<Plan> =
        all.iter().filter(|plan| plan.is_popular && plan.is_active).cloned().collect();
    popular.sort_by(|a, b| {
        let priority = b.priority.as_f64().total_cmp(&a.priority.as_f64());
        priority.then_with(|| a.price.as_f64().total_cmp(&b.price.as_f64()))
    });
    let within = |plan: &Plan| {
        from.is_none_or(|from| plan.created_at >= from) && until.is_none_or(|until| plan.created_at <= until)
    };
    let mut made: Vec<Plan> = all.into_iter().filter(within).collect();
    made.sort_by_key(|plan| std::cmp::Reverse((plan.created_at, plan.id)));
    let recent = |plan: &Plan| RecentPlan {
        id: plan.id,
        name: plan.name.clone(),
        price: plan.price.clone(),
        duration: plan.duration.clone(),
        is_active: plan.is_active,
        created_at: plan.created_at,
    };
    Ok(envelope(
        "Plan statistics",
        PlanStatistics {
            plan_stats: by_state(&made),
            price_ranges: ranges(&made),
            recent_plans: made.iter().take(RECENT).map(recent).collect(),
            popular_plans: popular
                .into_iter()
                .map(|plan| PopularPlan {
                    id: plan.id,
                    name: plan.name,
                    price: plan.price,
                    duration: plan.duration,
                    priority: plan.priority,
                })
                .collect(),
            filters: Filters {
                start_date: told(span.start_date, "none"),
                end_date: told(span.end_date, "none"),
            },
        },
    ))
}
