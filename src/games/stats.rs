//! `GET /games/{id}/stats`: how a game goes, for all and for the caller.

use axum::{Json, extract::State};
use domain::scoring::{mean, percent};
use futures_util::try_join;
use serde::Serialize;
use store::{
    ejson::Num,
    games,
    plays::{self, Score},
};
use utoipa::ToSchema;

use super::one::{NO_GAME, game_id};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, TextPath},
    },
    state::Shared,
};

const RECENT: usize = 5;

/// Figures of a game.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GameStatistics {
    game_stats: GameFigures,
    user_stats: OwnFigures,
}

/// Of all players.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GameFigures {
    total_plays: Num,
    average_score: Num,
    completion_rate: Num,
}

/// Of the caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnFigures {
    total_plays: usize,
    average_score: i64,
    best_score: f64,
    /// Percent of passed plays.
    completion_rate: i64,
    #[schema(value_type = Vec<Object>)]
    recent_scores: Vec<Score>,
}

/// How a game goes.
#[utoipa::path(get, path = "/games/{id}/stats", tag = "games", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = DataOnly<GameStatistics>),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn stats(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
) -> ApiResult<Json<DataOnly<GameStatistics>>> {
    let id = game_id(&id)?;
    let (game, mut scores) =
        try_join!(games::by_id(&state.store, id), plays::scores(&state.store, user.account.id, id))?;
    let game = game.ok_or(NO_GAME)?;
    let points: Vec<f64> = scores.iter().map(|score| score.score.as_f64()).collect();
    let passed = scores.iter().filter(|score| score.passed).count();
    let user_stats = OwnFigures {
        total_plays: scores.len(),
        average_score: mean(&points),
        best_score: points.iter().copied().fold(0.0, f64::max),
        completion_rate: percent(passed, scores.len()),
        recent_scores: {
            scores.truncate(RECENT);
            scores
        },
    };
    let game_stats = GameFigures {
        total_plays: game.total_plays,
        average_score: game.average_score,
        completion_rate: game.completion_rate,
    };
    Ok(data(GameStatistics { game_stats, user_stats }))
}
