//! Figures about users, each set of them in one aggregation.

use domain::{Id, Timestamp, accounts::Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{COLLECTION, Wanted, documents::or_student, role_of_document};
use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default},
    regions::Region,
};

/// Newest users in the statistics.
const RECENT: u32 = 10;
/// Newest users in the statistics of a region.
const RECENT_OF_REGION: u32 = 5;
/// Busiest regions in the statistics.
const TOP_REGIONS: u32 = 5;

/// Users of one role, by state.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatistics {
    /// The role.
    #[serde(rename = "_id")]
    pub role: Role,
    /// Active ones, and the others.
    pub statuses: Vec<StatusCount>,
    /// All.
    pub total_count: Num,
}

/// Users of one role and state.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCount {
    /// May sign in.
    #[serde(default, deserialize_with = "or_default")]
    pub is_active: bool,
    /// Users.
    pub count: Num,
    /// Mean of their average game scores; null when nobody has one.
    pub avg_score: Option<Num>,
}

/// A user who came lately.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentUser<Region = Option<Id>> {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Address.
    #[serde(default, deserialize_with = "or_default")]
    pub email: String,
    /// What the account may do.
    #[serde(default = "Role::student", deserialize_with = "or_student")]
    pub role: Role,
    /// Home region.
    pub region: Region,
    /// May sign in.
    #[serde(default, deserialize_with = "or_default")]
    pub is_active: bool,
    /// Registration.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
}

/// The users of a region.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionUsers {
    /// Region id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// All.
    pub user_count: Num,
    /// Students.
    pub student_count: Num,
    /// Teachers.
    pub teacher_count: Num,
    /// The region.
    pub region_details: CountedRegion,
}

/// A region as joined into statistics.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountedRegion {
    /// Its document.
    #[serde(flatten)]
    pub region: Region,
    /// Matching users.
    pub total_users: Num,
    /// Matching students.
    pub total_students: Num,
    /// Matching teachers.
    pub total_teachers: Num,
    /// Mean of the students' average game scores.
    pub average_score: Num,
}

/// Students by subscription.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct SubscriptionCount {
    /// `active`, `expired` or `inactive`.
    #[serde(rename = "_id")]
    pub status: String,
    /// Students.
    pub count: Num,
}

/// Figures about users.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// By role and state.
    pub user_stats: Vec<RoleStatistics>,
    /// Newest first.
    pub recent_users: Vec<RecentUser>,
    /// Those with most users first.
    pub top_regions: Vec<RegionUsers>,
    /// Students by subscription.
    pub subscription_stats: Vec<SubscriptionCount>,
}

/// All figures about the matching users, in one aggregation.
pub async fn statistics(
    store: &Store,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Option<Statistics>, StoreError> {
    let count_of = |role: &str| json!({ "$sum": { "$cond": [{ "$eq": ["$role", role] }, 1, 0] } });
    let expiry = "$studentInfo.planExpiryDate";
    let status = json!({ "$switch": { "branches": [
        { "case": { "$gt": [expiry, date(now)] }, "then": "active" },
        { "case": { "$gt": [expiry, null] }, "then": "expired" },
    ], "default": "inactive" } });
    let fields = json!({ "name": 1, "email": 1, "role": 1, "region": 1, "isActive": 1, "createdAt": 1 });
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$facet": {
            "userStats": [
                { "$group": { "_id": { "role": role_of_document(), "isActive": "$isActive" }, "count": { "$sum": 1 },
                    "avgScore": { "$avg": "$studentInfo.averageGameScore" } } },
                { "$sort": { "_id.isActive": -1 } },
                { "$group": { "_id": "$_id.role", "totalCount": { "$sum": "$count" }, "statuses": { "$push":
                    { "isActive": "$_id.isActive", "count": "$count", "avgScore": "$avgScore" } } } },
                { "$sort": { "_id": 1 } },
            ],
            "recentUsers": [{ "$sort": { "createdAt": -1, "_id": -1 } }, { "$limit": RECENT }, { "$project": fields }],
            "topRegions": [
                { "$group": { "_id": "$region", "userCount": { "$sum": 1 }, "studentCount": count_of("student"),
                    "teacherCount": count_of("teacher"), "score": { "$avg": { "$cond": [
                        { "$eq": ["$role", "student"] }, "$studentInfo.averageGameScore", null] } } } },
                { "$sort": { "userCount": -1, "_id": 1 } },
                { "$lookup": { "from": "regions", "localField": "_id", "foreignField": "_id", "as": "regionDetails" } },
                { "$unwind": "$regionDetails" },
                { "$limit": TOP_REGIONS },
                { "$addFields": { "regionDetails.totalUsers": "$userCount", "regionDetails.totalStudents": "$studentCount",
                    "regionDetails.totalTeachers": "$teacherCount",
                    "regionDetails.averageScore": { "$round": [{ "$ifNull": ["$score", 0] }, 0] } } },
            ],
            "subscriptionStats": [
                { "$match": { "role": "student" } },
                { "$group": { "_id": status, "count": { "$sum": 1 } } },
                { "$sort": { "_id": 1 } },
            ],
        } },
    ]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop())
}

/// Users of a region, by role.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolesOfRegion {
    /// The role.
    #[serde(rename = "_id")]
    pub role: Role,
    /// Users.
    pub count: Num,
    /// Mean of their average game scores; null when nobody has one.
    pub avg_score: Option<Num>,
}

/// Users of a region by role, and its newest ones.
pub async fn region_statistics(
    store: &Store,
    region: Id,
) -> Result<(Vec<RolesOfRegion>, Vec<RecentUser>), StoreError> {
    #[derive(Default, Deserialize)]
    struct Found {
        roles: Vec<RolesOfRegion>,
        recent: Vec<RecentUser>,
    }
    let fields = json!({ "name": 1, "email": 1, "role": 1, "region": 1, "isActive": 1, "createdAt": 1 });
    let pipeline = json!([
        { "$match": { "region": oid(region) } },
        { "$facet": {
            "roles": [
                { "$group": { "_id": role_of_document(), "count": { "$sum": 1 }, "avgScore": { "$avg": "$studentInfo.averageGameScore" } } },
                { "$sort": { "_id": 1 } },
            ],
            "recent": [{ "$sort": { "createdAt": -1, "_id": -1 } }, { "$limit": RECENT_OF_REGION }, { "$project": fields }],
        } },
    ]);
    let found: Found = store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default();
    Ok((found.roles, found.recent))
}

/// Active users of a region, and what they did.
#[derive(Debug, Default, Deserialize)]
pub struct RegionTotals {
    /// The region.
    #[serde(rename = "_id")]
    pub region: Option<Id>,
    /// All.
    pub users: Num,
    /// Students.
    pub students: Num,
    /// Teachers.
    pub teachers: Num,
    /// Mean of the students' average game scores.
    pub score: Option<Num>,
    /// Games that students finished.
    pub games: Num,
}

/// [`RegionTotals`] of every region.
pub async fn totals_by_region(store: &Store) -> Result<Vec<RegionTotals>, StoreError> {
    let is = |role: &str| json!({ "$eq": ["$role", role] });
    let of_students = |value: Value, otherwise: Value| json!({ "$cond": [is("student"), value, otherwise] });
    let pipeline = json!([
        { "$match": { "isActive": true } },
        { "$group": { "_id": "$region", "users": { "$sum": 1 },
            "students": { "$sum": of_students(json!(1), json!(0)) },
            "teachers": { "$sum": { "$cond": [is("teacher"), 1, 0] } },
            "score": { "$avg": of_students(json!({ "$ifNull": ["$studentInfo.averageGameScore", 0] }), Value::Null) },
            "games": { "$sum": of_students(json!("$studentInfo.totalGamesPlayed"), json!(0)) } } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}
