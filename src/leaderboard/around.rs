//! `GET /leaderboard/around-me`: the caller between those who stand next to him.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ranking::{ShownEntry, ShownRegion, Standings, ask, own_region, rank, window};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, QueryOf},
    },
    state::Shared,
};

const MOST: u32 = 50;
const USUAL: u32 = 5;

/// How many, and of when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AroundQuery {
    /// `all` (default), `month`, `week` or `day`, beginning at midnight in India.
    window: Option<String>,
    /// Places before the caller, and after him: 1 to 50, 5 when absent; clamped.
    around: Option<String>,
}

/// The caller among his neighbours.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Neighbours {
    region: ShownRegion,
    rank: usize,
    leaderboard: Vec<ShownEntry>,
    total_students: usize,
}

/// The caller's place in his region, with those before and after him.
#[utoipa::path(get, path = "/leaderboard/around-me", tag = "leaderboard", security(("bearer" = [])),
    params(AroundQuery), responses(
    (status = 200, body = Envelope<Neighbours>),
    (status = 400, body = ErrorBody, description = "Not a student, without a region, or an unknown window"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "Not ranked in this window"),
))]
#[worker::send]
pub async fn around_me(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<AroundQuery>,
) -> ApiResult<Json<Envelope<Neighbours>>> {
    let window = window(query.window.as_ref())?;
    let around = query.around.and_then(|around| around.trim().parse::<u32>().ok());
    let around = around.unwrap_or(USUAL).clamp(1, MOST);
    let (id, region) = own_region(&state, &user).await?;
    let me = user.account.id;
    let Standings { entries, students: total_students, .. } =
        ask(&state, id, &rank(window, me, around)).await?;
    let own = entries.iter().find(|entry| entry.is_of(me)).map(ShownEntry::rank);
    let rank = own.ok_or(ApiError::NotFound("You are not ranked in your region"))?;
    Ok(envelope("You and your neighbours", Neighbours { region, rank, leaderboard: entries, total_students }))
}
