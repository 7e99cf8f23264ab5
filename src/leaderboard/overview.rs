//! All regions at once: for learners, and the figures that administrators look at.

use std::collections::HashMap;

use axum::{Json, extract::State};
use domain::{Id, Timestamp, scoring::two_decimals};
use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use serde::Serialize;
use store::{
    ejson::Num,
    participation,
    regions::{self, Region},
    users,
};
use utoipa::ToSchema;

use super::ranking::{ScoringMethod, ShownEntry, ShownRegion, Standings, scoring_method, standings};
use crate::{
    http::{
        body::{DataOnly, Envelope, data, envelope},
        error::{ApiResult, ErrorBody},
        extract::{Admin, AuthUser},
    },
    state::{AppState, Shared},
};

/// Objects asked at once.
const AT_ONCE: usize = 16;
const TOP: u32 = 3;

/// The best of a region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionalTop {
    region: ShownRegion,
    top3: Vec<ShownEntry>,
    total_students: usize,
}

/// The best of all regions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllTops {
    regional_leaderboards: Vec<RegionalTop>,
    total_regions: usize,
    scoring_method: ScoringMethod,
}

/// Active regions with their standings, in the order of the regions.
async fn all(state: &AppState) -> ApiResult<Vec<(Region, Standings)>> {
    let mut active = regions::all(&state.store).await?;
    active.retain(|region| region.is_active);
    let asked = active.into_iter().map(|region| async move {
        let found = standings(state, region.id, 0, TOP).await?;
        Ok((region, found))
    });
    stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

/// Best three students of every active region.
#[utoipa::path(get, path = "/leaderboard/all-regions/top3", tag = "leaderboard", security(("bearer" = [])), responses(
    (status = 200, body = Envelope<AllTops>),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn all_top3(State(state): State<Shared>, _user: AuthUser) -> ApiResult<Json<Envelope<AllTops>>> {
    let found = all(&state).await?;
    let top = |(region, found): (Region, Standings)| RegionalTop {
        region: region.into(),
        top3: found.entries,
        total_students: found.students,
    };
    let total_regions = found.len();
    let regional_leaderboards = found.into_iter().map(top).collect();
    Ok(envelope(
        "Top 3 of all regions",
        AllTops { regional_leaderboards, total_regions, scoring_method: scoring_method() },
    ))
}

/// Figures of all regions together.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overall {
    total_regions: usize,
    total_students: usize,
    average_score: f64,
}

/// Mean sessions per student, by kind.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindAverages {
    average_lectures: f64,
    average_games: f64,
    average_communication: f64,
}

/// Figures of a region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionFigures {
    region: ShownRegion,
    total_students: usize,
    average_score: f64,
    top_score: u64,
    statistics: KindAverages,
}

/// Figures of all regions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    overall: Overall,
    region_statistics: Vec<RegionFigures>,
    scoring_method: ScoringMethod,
}

/// Points per region, and what they come from.
#[utoipa::path(get, path = "/leaderboard/statistics", tag = "leaderboard", security(("bearer" = [])), responses(
    (status = 200, body = Envelope<Statistics>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(State(state): State<Shared>, _admin: Admin) -> ApiResult<Json<Envelope<Statistics>>> {
    let kinds = async { Ok(participation::counts_by_region_and_kind(&state.store).await?) };
    let (found, kinds) = try_join!(all(&state), kinds)?;
    let kinds: HashMap<(Id, &str), i64> =
        kinds.iter().map(|line| ((line.key.region, line.key.kind.as_str()), line.count.as_i64())).collect();
    let points: u64 = found.iter().map(|(_, region)| region.points).sum();
    let students: usize = found.iter().map(|(_, region)| region.students).sum();
    let overall = Overall {
        total_regions: found.len(),
        total_students: students,
        average_score: two_decimals(points, students),
    };
    let figures = |(region, found): (Region, Standings)| {
        let mean = |kind| {
            let count = kinds.get(&(region.id, kind)).copied().unwrap_or(0);
            two_decimals(u64::try_from(count).unwrap_or(0), found.students)
        };
        RegionFigures {
            statistics: KindAverages {
                average_lectures: mean("lecture"),
                average_games: mean("game"),
                average_communication: mean("communication"),
            },
            total_students: found.students,
            average_score: two_decimals(found.points, found.students),
            top_score: found.top_score(),
            region: region.into(),
        }
    };
    let region_statistics = found.into_iter().map(figures).collect();
    Ok(envelope(
        "Leaderboard statistics",
        Statistics { overall, region_statistics, scoring_method: scoring_method() },
    ))
}

/// A region in the ranking of regions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RankedRegion {
    #[serde(rename = "_id")]
    id: Id,
    region_name: String,
    region_code: String,
    total_users: i64,
    total_students: i64,
    total_teachers: i64,
    average_score: f64,
    total_games_played: Num,
    total_points: u64,
    rank: usize,
}

/// The ranking of regions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RankedRegions {
    total_regions: usize,
    last_updated: Timestamp,
    rankings: Vec<RankedRegion>,
}

/// Active regions, those with the best mean of game scores first (contract: x-missing-operations).
#[utoipa::path(get, path = "/admin/leaderboard/all-regions/top3", tag = "leaderboard", security(("bearer" = [])),
    responses(
    (status = 200, body = DataOnly<RankedRegions>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn ranked_regions(
    State(state): State<Shared>,
    _admin: Admin,
) -> ApiResult<Json<DataOnly<RankedRegions>>> {
    let totals = async { Ok(users::totals_by_region(&state.store).await?) };
    let (found, totals) = try_join!(all(&state), totals)?;
    let mut totals: HashMap<Id, users::RegionTotals> =
        totals.into_iter().filter_map(|line| Some((line.region?, line))).collect();
    let ranked = |(region, found): (Region, Standings)| {
        let total = totals.remove(&region.id).unwrap_or_default();
        RankedRegion {
            id: region.id,
            region_name: region.name,
            region_code: region.code,
            total_users: total.users.as_i64(),
            total_students: total.students.as_i64(),
            total_teachers: total.teachers.as_i64(),
            average_score: total.score.map_or(0.0, |score| score.as_f64()),
            total_games_played: total.games,
            total_points: found.points,
            rank: 0,
        }
    };
    let mut rankings: Vec<RankedRegion> = found.into_iter().map(ranked).collect();
    rankings.sort_by(|a, b| {
        b.average_score
            .total_cmp(&a.average_score)
            .then_with(|| b.total_points.cmp(&a.total_points))
            .then_with(|| a.region_name.cmp(&b.region_name))
    });
    for (region, rank) in rankings.iter_mut().zip(1..) {
        region.rank = rank;
    }
    Ok(data(RankedRegions { total_regions: rankings.len(), last_updated: durable::now(), rankings }))
}
