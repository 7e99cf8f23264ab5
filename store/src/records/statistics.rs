//! Figures about records of sessions.

use domain::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{COLLECTION, Record, Wanted, record};
use crate::{Store, StoreError, ejson::Num};

/// Newest sessions in the statistics.
const RECENT: u32 = 10;
/// Busiest regions in the statistics.
const TOP_REGIONS: u32 = 5;

/// Sessions of one type.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeCount {
    /// Type.
    #[serde(rename = "_id")]
    pub session_type: String,
    /// Sessions.
    pub count: Num,
    /// Seconds.
    pub total_duration: Num,
    /// Seconds.
    pub avg_duration: Option<Num>,
}

/// Sessions in one status.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCount {
    /// Status.
    #[serde(rename = "_id")]
    pub status: String,
    /// Sessions.
    pub count: Num,
    /// Seconds.
    pub total_duration: Num,
    /// Seconds.
    pub avg_duration: Option<Num>,
    /// Participants of a session.
    pub avg_participants: Num,
}

/// Sessions of one type in one status.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusStatistics {
    /// Status.
    pub status: String,
    /// Sessions.
    pub count: Num,
    /// Seconds.
    pub total_duration: Num,
    /// Seconds.
    pub avg_duration: Option<Num>,
    /// Participants of a session.
    pub avg_participants: Num,
}

/// Sessions of one type, by status.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeStatistics {
    /// Type.
    #[serde(rename = "_id")]
    pub session_type: String,
    /// By status.
    pub statuses: Vec<StatusStatistics>,
    /// All of the type.
    pub total_count: Num,
    /// Seconds.
    pub total_duration: Num,
}

/// Sessions whose hosts are of one region.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionTotals {
    /// Region.
    #[serde(rename = "_id")]
    pub region: Id,
    /// Sessions.
    pub session_count: Num,
    /// Seconds.
    pub total_duration: Num,
}

/// Figures about sessions.
#[derive(Debug, Default)]
pub struct Statistics {
    /// By type and status.
    pub by_type: Vec<TypeStatistics>,
    /// Newest first.
    pub recent: Vec<Record>,
    /// Busiest first.
    pub regions: Vec<RegionTotals>,
}

fn figures(by: &Value) -> Value {
    json!({ "$group": { "_id": by, "count": { "$sum": 1 }, "totalDuration": { "$sum": "$duration" },
        "avgDuration": { "$avg": "$duration" },
        "avgParticipants": { "$avg": { "$size": { "$ifNull": ["$participants", []] } } } } })
}

/// All matches by type.
pub async fn by_type(store: &Store, wanted: &Wanted) -> Result<Vec<TypeCount>, StoreError> {
    let pipeline =
        json!([{ "$match": wanted.filter() }, figures(&json!("$sessionType")), { "$sort": { "_id": 1 } }]);
    store.aggregate(COLLECTION, pipeline).await
}

/// All matches by status.
pub async fn by_status(store: &Store, wanted: &Wanted) -> Result<Vec<StatusCount>, StoreError> {
    let pipeline =
        json!([{ "$match": wanted.filter() }, figures(&json!("$status")), { "$sort": { "_id": 1 } }]);
    store.aggregate(COLLECTION, pipeline).await
}

/// All figures about the matches, in one aggregation.
pub async fn statistics(store: &Store, wanted: &Wanted) -> Result<Statistics, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        types: Vec<TypeStatistics>,
        recent: Vec<Value>,
        regions: Vec<RegionTotals>,
    }
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$facet": {
            "types": [
                figures(&json!({ "type": "$sessionType", "status": "$status" })),
                { "$sort": { "_id.status": 1 } },
                { "$group": { "_id": "$_id.type", "totalCount": { "$sum": "$count" },
                    "totalDuration": { "$sum": "$totalDuration" },
                    "statuses": { "$push": { "status": "$_id.status", "count": "$count",
                        "totalDuration": "$totalDuration", "avgDuration": "$avgDuration",
                        "avgParticipants": "$avgParticipants" } } } },
                { "$sort": { "_id": 1 } },
            ],
            "recent": [
                { "$sort": { "createdAt": -1, "_id": -1 } },
                { "$limit": RECENT },
                { "$project": { "sessionType": 1, "status": 1, "duration": 1, "participants": 1, "host": 1,
                    "createdAt": 1 } },
            ],
            "regions": [
                { "$match": { "hostRegion": { "$type": "objectId" } } },
                { "$group": { "_id": "$hostRegion", "sessionCount": { "$sum": 1 },
                    "totalDuration": { "$sum": "$duration" } } },
                { "$sort": { "sessionCount": -1, "_id": 1 } },
                { "$limit": TOP_REGIONS },
            ],
        } },
    ]);
    let found = store.aggregate::<Found>(COLLECTION, pipeline).await?.pop();
    Ok(found.map_or_else(Statistics::default, |found| Statistics {
        by_type: found.types,
        recent: found.recent.into_iter().filter_map(record).collect(),
        regions: found.regions,
    }))
}
