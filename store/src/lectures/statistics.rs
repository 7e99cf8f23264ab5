//! Figures about lectures, in one aggregation.

use domain::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{COLLECTION, Lecture, Wanted};
use crate::{Store, StoreError, ejson::Num};

/// Newest lectures that are shown.
const RECENT: u32 = 10;
/// Teachers that are shown.
const TOP_INSTRUCTORS: u32 = 5;

/// Figures about lectures.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// By difficulty.
    pub statistics: Vec<DifficultyStatistics>,
    /// Newest first.
    pub recent: Vec<Lecture>,
    /// Those with most openings first.
    pub instructors: Vec<InstructorTotals>,
}

/// Lectures of one difficulty, with and without premium.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DifficultyStatistics {
    /// The difficulty.
    #[serde(rename = "_id")]
    pub difficulty: String,
    /// Up to two lines.
    pub premium: Vec<PremiumTotals>,
    /// Lectures.
    pub total_count: Num,
    /// Seconds in all.
    pub total_duration: Num,
    /// Openings.
    pub total_views: Num,
}

/// Premium lectures, or the others.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PremiumTotals {
    /// Which.
    pub is_premium: bool,
    /// Lectures.
    pub count: Num,
    /// Seconds in all.
    pub total_duration: Num,
    /// Mean seconds.
    pub avg_duration: Option<Num>,
    /// Openings.
    pub total_views: Num,
}

/// The lectures of an instructor.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstructorTotals {
    /// Account id; none for lectures without one.
    #[serde(rename = "_id")]
    pub id: Option<Id>,
    /// Lectures.
    pub lecture_count: Num,
    /// Openings.
    pub total_views: Num,
    /// Mean seconds.
    pub avg_duration: Option<Num>,
}

/// All figures about the matching lectures, in one aggregation.
pub async fn statistics(store: &Store, wanted: &Wanted) -> Result<Statistics, StoreError> {
    let totals = |id: Value| {
        json!({ "_id": id, "count": { "$sum": 1 }, "totalDuration": { "$sum": "$duration" },
            "avgDuration": { "$avg": "$duration" }, "totalViews": { "$sum": "$totalViews" } })
    };
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$facet": {
            "statistics": [
                { "$group": totals(json!({ "difficulty": { "$ifNull": ["$difficulty", "beginner"] },
                    "isPremium": { "$eq": ["$isPremium", true] } })) },
                { "$sort": { "_id.isPremium": 1 } },
                { "$group": { "_id": "$_id.difficulty", "totalCount": { "$sum": "$count" },
                    "totalDuration": { "$sum": "$totalDuration" }, "totalViews": { "$sum": "$totalViews" },
                    "premium": { "$push": { "isPremium": "$_id.isPremium", "count": "$count",
                        "totalDuration": "$totalDuration", "avgDuration": "$avgDuration", "totalViews": "$totalViews" } } } },
                { "$sort": { "_id": 1 } },
            ],
            "recent": [{ "$sort": { "createdAt": -1, "_id": -1 } }, { "$limit": RECENT }],
            "instructors": [
                { "$group": { "_id": "$instructor", "lectureCount": { "$sum": 1 }, "totalViews": { "$sum": "$totalViews" },
                    "avgDuration": { "$avg": "$duration" } } },
                { "$sort": { "totalViews": -1, "_id": 1 } },
                { "$limit": TOP_INSTRUCTORS },
            ],
        } },
    ]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default())
}
