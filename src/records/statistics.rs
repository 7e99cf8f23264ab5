//! `GET /sessions/admin/statistics`.

use axum::{Json, extract::State};
use domain::Id;
use serde::{Deserialize, Serialize};
use store::{
    ejson::Num,
    records::{self, TypeStatistics, Wanted},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    admin::region,
    show::{Shown, briefly},
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiResult, ErrorBody},
        extract::{Admin, QueryOf, query_time, told},
    },
    state::Shared,
};

/// Of which sessions.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// Created then or later.
    start_date: Option<String>,
    /// Created then or earlier.
    end_date: Option<String>,
    /// Region id of the host.
    region: Option<String>,
}

/// A busy region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopRegion {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    session_count: Num,
    total_duration: Num,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatisticsFilters {
    start_date: String,
    end_date: String,
    region: String,
}

/// Figures about sessions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordStatistics {
    statistics: Vec<TypeStatistics>,
    recent_sessions: Vec<Shown>,
    top_regions: Vec<TopRegion>,
    filters: StatisticsFilters,
}

/// Totals by type and status, the newest sessions, the busiest regions.
#[utoipa::path(get, path = "/sessions/admin/statistics", tag = "sessions", security(("bearer" = [])),
    params(StatisticsQuery), responses(
    (status = 200, body = Envelope<RecordStatistics>),
    (status = 400, body = ErrorBody, description = "A date or the region cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    admin: Admin,
    QueryOf(query): QueryOf<StatisticsQuery>,
) -> ApiResult<Json<Envelope<RecordStatistics>>> {
    let wanted = Wanted {
        from: query_time(query.start_date.as_ref())?,
        until: query_time(query.end_date.as_ref())?,
        region: region(query.region.as_ref())?,
        ..Wanted::default()
    };
    let found = records::statistics(&state.store, &wanted).await?;
    let names = state.regions(found.regions.iter().map(|region| region.region)).await?;
    let top_regions = found.regions.into_iter().map(|totals| TopRegion {
        id: totals.region,
        name: names.get(&totals.region).map(|region| region.name.clone()).unwrap_or_default(),
        session_count: totals.session_count,
        total_duration: totals.total_duration,
    });
    Ok(envelope(
        "Figures about sessions",
        RecordStatistics {
            statistics: found.by_type,
            top_regions: top_regions.collect(),
            recent_sessions: briefly(&state, admin.reader(), found.recent).await?,
            filters: StatisticsFilters {
                start_date: told(query.start_date, "none"),
                end_date: told(query.end_date, "none"),
                region: told(query.region, "all"),
            },
        },
    ))
}
