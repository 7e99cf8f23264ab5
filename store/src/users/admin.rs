//! What administrators ask of the `users` collection, and the one way to change an account's fields.

use domain::{Id, Timestamp, accounts::Role, paging::Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{COLLECTION, User, user_fields};
use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, containing, date, oid, or_default},
    regions::Region,
};

/// Newest users in the statistics.
const RECENT: u32 = 10;
/// Newest users in the statistics of a region.
const RECENT_OF_REGION: u32 = 5;
/// Busiest regions in the statistics.
const TOP_REGIONS: u32 = 5;

/// Which users; everything absent is no filter.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Exactly this role; a text that is no role matches nobody.
    pub role: Option<String>,
    /// Of this region.
    pub region: Option<Id>,
    /// Active, or not.
    pub is_active: Option<bool>,
    /// A fragment of name, address or number.
    pub search: Option<String>,
    /// `active`, `expired` or `inactive` at this time.
    pub subscription: Option<(String, Timestamp)>,
    /// Registered from here on.
    pub from: Option<Timestamp>,
    /// Registered up to here.
    pub until: Option<Timestamp>,
}

impl Wanted {
    fn filter(&self) -> Value {
        let mut filter = Map::new();
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                filter.insert(key.to_owned(), value);
            }
        };
        add("role", self.role.as_ref().map(|role| json!(role)));
        add("region", self.region.map(oid));
        add("isActive", self.is_active.map(Value::from));
        add("createdAt", between(self.from, self.until));
        if let Some((status, now)) = &self.subscription {
            let expiry = match status.as_str() {
                "active" => json!({ "$gt": date(*now) }),
                "expired" => json!({ "$lte": date(*now) }),
                _ => json!({ "$exists": false }),
            };
            add("studentInfo.planExpiryDate", Some(expiry));
        }
        if let Some(search) = self.search.as_deref().filter(|search| !search.trim().is_empty()) {
            let Value::Object(found) = containing(search, &["name", "email", "phone"]) else {
                return json!({});
            };
            filter.extend(found);
        }
        Value::Object(filter)
    }
}

/// A condition on a date; both ends belong to it.
pub fn between(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<Value> {
    let mut range = Map::new();
    range.extend(from.map(|from| ("$gte".to_owned(), date(from))));
    range.extend(until.map(|until| ("$lte".to_owned(), date(until))));
    (!range.is_empty()).then_some(Value::Object(range))
}

/// How a list of users is ordered. Each order has an index.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// `createdAt`, `name`, `email`, `phone` or `role`.
    pub field: &'static str,
    /// Largest first.
    pub down: bool,
}

/// A page of users.
pub async fn page(
    store: &Store,
    wanted: &Wanted,
    sort: Sort,
    page: Page,
) -> Result<Vec<User<Option<Id>>>, StoreError> {
    let direction = if sort.down { -1 } else { 1 };
    let rest = json!({ "sort": { sort.field: direction, "_id": direction }, "skip": page.offset(), "limit": page.limit,
        "projection": user_fields() });
    store.find(COLLECTION, wanted.filter(), rest).await
}

/// Users of one role.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleCount {
    /// The role.
    #[serde(rename = "_id")]
    pub role: Role,
    /// All.
    pub count: Num,
    /// Those who may sign in.
    pub active_count: Num,
    /// Those who may not.
    pub inactive_count: Num,
}

/// Counts of all matches by role.
pub async fn counts_by_role(store: &Store, wanted: &Wanted) -> Result<Vec<RoleCount>, StoreError> {
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$group": { "_id": "$role", "count": { "$sum": 1 },
            "activeCount": { "$sum": { "$cond": ["$isActive", 1, 0] } },
            "inactiveCount": { "$sum": { "$cond": ["$isActive", 0, 1] } } } },
        { "$sort": { "_id": 1 } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}

/// Of each of these teachers: the students he referred, and how many of them are active.
pub async fn referral_counts(store: &Store, teachers: &[Id]) -> Result<Vec<(Id, i64, i64)>, StoreError> {
    #[derive(Deserialize)]
    struct Counted {
        #[serde(rename = "_id")]
        teacher: Id,
        count: Num,
        active: Num,
    }
    if teachers.is_empty() {
        return Ok(Vec::new());
    }
    let teachers: Vec<Value> = teachers.iter().copied().map(oid).collect();
    let pipeline = json!([
        { "$match": { "referredBy": { "$in": teachers } } },
        { "$group": { "_id": "$referredBy", "count": { "$sum": 1 }, "active": { "$sum": { "$cond": ["$isActive", 1, 0] } } } },
    ]);
    let counted = store.aggregate::<Counted>(COLLECTION, pipeline).await?;
    Ok(counted.into_iter().map(|c| (c.teacher, c.count.as_i64(), c.active.as_i64())).collect())
}

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
    #[serde(default = "Role::student")]
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
                { "$group": { "_id": { "role": "$role", "isActive": "$isActive" }, "count": { "$sum": 1 },
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
                { "$group": { "_id": "$role", "count": { "$sum": 1 }, "avgScore": { "$avg": "$studentInfo.averageGameScore" } } },
                { "$sort": { "_id": 1 } },
            ],
            "recent": [{ "$sort": { "createdAt": -1, "_id": -1 } }, { "$limit": RECENT_OF_REGION }, { "$project": fields }],
        } },
    ]);
    let found: Found = store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default();
    Ok((found.roles, found.recent))
}

/// A change of single fields of an account.
pub struct Change {
    /// New values by path, in Extended JSON.
    pub set: Map<String, Value>,
    /// Ends every token of the account.
    pub sign_out: bool,
    /// Only if the account is still active, or still not.
    pub was_active: Option<bool>,
}

/// Changes an account; `entry` is the line in the audit trail when an administrator does it. Says whether there is
/// such an account. A taken address, number or code is a [`StoreError::Duplicate`].
pub async fn update(
    store: &Store,
    id: Id,
    change: Change,
    entry: Option<&Entry>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Change { mut set, sign_out, was_active } = change;
    set.insert("updatedAt".into(), date(now));
    let mut update = json!({ "$set": set });
    if let (true, Some(update)) = (sign_out, update.as_object_mut()) {
        update.insert("$inc".into(), json!({ "tokenVersion": 1 }));
    }
    let mut filter = json!({ "_id": oid(id) });
    if let (Some(active), Some(filter)) = (was_active, filter.as_object_mut()) {
        // A document without the field is active.
        filter.insert("isActive".into(), if active { json!({ "$ne": false }) } else { json!(false) });
    }
    let Some(entry) = entry else {
        return Ok(store.update_one(COLLECTION, filter, update, false).await?.matched() == 1);
    };
    let step = json!({ "action": "updateOne", "collection": COLLECTION, "filter": filter, "update": update,
        "expect": { "matchedCount": 1 } });
    store.audited(step, entry).await
}
