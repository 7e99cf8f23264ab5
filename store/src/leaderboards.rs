//! The `leaderboards` collection: what each region's object writes every 30 s, for whoever reads the database.

use domain::{Id, Timestamp};
use serde_json::{Value, json};

use crate::{
    Store, StoreError,
    ejson::{date, oid},
};

/// The best of a region, with totals.
pub struct Summary {
    /// Region.
    pub region: Id,
    /// Up to three: student and points, best first.
    pub top: Vec<(Id, u64)>,
    /// Count of ranked students.
    pub students: usize,
    /// Sum of all points.
    pub points: u64,
}

/// Replaces the stored summary of a region.
pub async fn record(store: &Store, summary: &Summary, now: Timestamp) -> Result<(), StoreError> {
    let top: Vec<Value> = summary
        .top
        .iter()
        .zip(1..)
        .map(|((student, points), rank)| {
            json!({ "rank": rank, "student": oid(*student), "score": points, "maxScore": points, "percentage": 100,
                "totalSessions": points, "totalGames": 0, "totalLectures": 0, "averageSessionDuration": 0 })
        })
        .collect();
    let all_time = Timestamp::from_millis(0);
    let filter = json!({ "region": oid(summary.region), "leaderboardType": "overall", "gameType": null,
        "period.startDate": date(all_time) });
    let update = json!({
        "$set": { "topStudents": top, "totalParticipants": summary.students, "totalSessions": summary.points,
            "lastUpdated": date(now), "updatedAt": date(now) },
        "$setOnInsert": { "period.endDate": date(Timestamp::from_millis(253_402_300_799_999)), "averageScore": 0,
            "totalGames": 0, "isActive": true, "isPublished": false, "createdAt": date(now), "__v": 0 },
    });
    store.update_one("leaderboards", filter, update, true).await.map(drop)
}
