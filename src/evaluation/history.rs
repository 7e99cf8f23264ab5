//! What was scored before.

use axum::{Json, extract::State};
use domain::scoring::mean;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::evaluations::{self, Score};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, QueryOf},
    },
    state::Shared,
};

const MAX_OFFSET: u64 = 1_000_000;
const RECENT: usize = 10;
const DAY_MS: i64 = 24 * 3_600_000;

/// Which evaluations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// `pronunciation` or `storytelling`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
    /// From 0.
    offset: Option<String>,
}

/// A page of evaluations.
#[derive(Serialize, ToSchema)]
pub struct History {
    #[schema(value_type = Vec<Object>)]
    evaluations: Vec<Value>,
    total: u64,
    limit: u32,
    offset: u64,
}

/// Own evaluations, newest first.
#[utoipa::path(get, path = "/evaluation/history", tag = "evaluation", security(("bearer" = [])), params(HistoryQuery),
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
    let number = |text: Option<String>| text.and_then(|text| text.trim().parse::<i64>().ok());
    let limit = u32::try_from(number(query.limit).unwrap_or(10).clamp(1, 100)).unwrap_or(10);
    let offset = u64::try_from(number(query.offset).unwrap_or(0).max(0)).unwrap_or(0).min(MAX_OFFSET);
    let kind = query.kind.filter(|kind| ["pronunciation", "storytelling"].contains(&kind.as_str()));
    let (evaluations, total) =
        evaluations::page(&state.store, user.account.id, kind.as_deref(), offset, limit).await?;
    Ok(data(History { evaluations, total, limit, offset }))
}

/// A span of time.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// For example `30d`; 1 to 365 days.
    timeframe: Option<String>,
}

/// Figures of one kind.
#[derive(Serialize, ToSchema)]
pub struct KindStats {
    total_evaluations: usize,
    average_score: i64,
    /// Mean of the newer half less mean of the older half.
    improvement_rate: i64,
    /// Newest first.
    recent_scores: Vec<f64>,
}

/// Figures of both kinds.
#[derive(Serialize, ToSchema)]
pub struct Stats {
    pronunciation: KindStats,
    storytelling: KindStats,
}

/// Own scores within a span of time.
#[utoipa::path(get, path = "/evaluation/stats", tag = "evaluation", security(("bearer" = [])), params(StatsQuery),
    responses(
    (status = 200, body = DataOnly<Stats>),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn stats(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<StatsQuery>,
) -> ApiResult<Json<DataOnly<Stats>>> {
    let days = query.timeframe.as_deref().and_then(|text| text.trim_end_matches('d').parse::<i64>().ok());
    let since = durable::now().plus(-days.unwrap_or(30).clamp(1, 365) * DAY_MS);
    let scores = evaluations::scores(&state.store, user.account.id, since).await?;
    Ok(data(Stats {
        pronunciation: figures(&scores, "pronunciation"),
        storytelling: figures(&scores, "storytelling"),
    }))
}

fn figures(scores: &[Score], kind: &str) -> KindStats {
    let scores: Vec<f64> =
        scores.iter().filter(|score| score.kind == kind).map(|score| score.final_score.as_f64()).collect();
    let (newer, older) = scores.split_at(scores.len() / 2);
    KindStats {
        total_evaluations: scores.len(),
        average_score: mean(&scores),
        improvement_rate: if newer.is_empty() { 0 } else { mean(newer) - mean(older) },
        recent_scores: scores.iter().take(RECENT).copied().collect(),
    }
}
