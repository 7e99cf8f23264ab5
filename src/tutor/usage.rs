//! `GET /chat/admin/usage`: what the tutor cost, by day.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use store::{
    ai_usage::{self, Day},
    ejson::Num,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, QueryOf},
    },
    state::Shared,
};

const DAY_MS: i64 = 86_400_000;

/// How far back.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// 1 to 90 days, 30 when absent.
    days: Option<String>,
}

/// Figures of a day, or of several.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Answers of the model.
    requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    tokens: i64,
    /// By the configured prices.
    cost_estimate: f64,
    cache_hits: i64,
    cache_misses: i64,
    failures: i64,
}

/// A day in India.
#[derive(Serialize, ToSchema)]
pub struct UsageDay {
    day: String,
    #[serde(flatten)]
    figures: Figures,
}

/// All of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageTotals {
    #[serde(flatten)]
    figures: Figures,
    /// First questions that the cache answered, of all first questions.
    hit_ratio: f64,
}

/// What the tutor cost.
#[derive(Serialize, ToSchema)]
pub struct TutorUsage {
    days: Vec<UsageDay>,
    totals: UsageTotals,
    currency: &'static str,
}

/// What the tutor cost, by day, newest first.
#[utoipa::path(get, path = "/chat/admin/usage", tag = "tutor", security(("bearer" = [])), params(UsageQuery), responses(
    (status = 200, body = Envelope<TutorUsage>),
    (status = 400, body = ErrorBody, description = "days is out of bounds"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn usage(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(query): QueryOf<UsageQuery>,
) -> ApiResult<Json<Envelope<TutorUsage>>> {
    const BAD_DAYS: ApiError = ApiError::BadRequest("days must be a whole number from 1 to 90");
    let asked = query.days.as_deref().filter(|days| !days.is_empty());
    let many = match asked.map(|days| days.parse::<u32>()) {
        None => 30,
        Some(Ok(days)) if (1..=90).contains(&days) => days,
        Some(_) => return Err(BAD_DAYS),
    };
    let since = durable::now().plus(-i64::from(many - 1) * DAY_MS).indian_day();
    let found = ai_usage::days(&state.store, &since, many + 1).await?;
    let figures = |day: &Day| {
        let count = Num::as_i64;
        let (prompt_tokens, completion_tokens) = (count(&day.prompt_tokens), count(&day.completion_tokens));
        Figures {
            requests: count(&day.requests),
            prompt_tokens,
            completion_tokens,
            tokens: prompt_tokens + completion_tokens,
            cost_estimate: state.prices.of(prompt_tokens, completion_tokens),
            cache_hits: count(&day.cache_hits),
            cache_misses: count(&day.cache_misses),
            failures: count(&day.failures),
        }
    };
    let days: Vec<UsageDay> =
        found.into_iter().map(|day| UsageDay { figures: figures(&day), day: day.day }).collect();
    let sum = |of: fn(&Figures) -> i64| days.iter().map(|day| of(&day.figures)).sum::<i64>();
    let (prompt_tokens, completion_tokens) = (sum(|day| day.prompt_tokens), sum(|day| day.completion_tokens));
    let totals = Figures {
        requests: sum(|day| day.requests),
        prompt_tokens,
        completion_tokens,
        tokens: prompt_tokens + completion_tokens,
        cost_estimate: state.prices.of(prompt_tokens, completion_tokens),
        cache_hits: sum(|day| day.cache_hits),
        cache_misses: sum(|day| day.cache_misses),
        failures: sum(|day| day.failures),
    };
    let hit_ratio = ratio(totals.cache_hits, totals.cache_hits + totals.cache_misses);
    let totals = UsageTotals { figures: totals, hit_ratio };
    Ok(envelope("What the tutor cost", TutorUsage { days, totals, currency: "USD" }))
}

fn ratio(part: i64, whole: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let ratio = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    (ratio * 1000.0).round() / 1000.0
}
