//! What administrators ask of the `users` collection, and the one way to change an account's fields.

use domain::{Id, Timestamp, accounts::Role, paging::Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{COLLECTION, User, role_of_document, user_fields};
use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, containing, date, oid, with_state},
};

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
    pub(super) fn filter(&self) -> Value {
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

/// A condition on a date; both ends belong to it. Dates are whole milliseconds, so the ends can be said by the next one
/// outside: SecantusDB loses the end itself when a compound index has another key behind the date.
pub fn between(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<Value> {
    let mut range = Map::new();
    range.extend(from.map(|from| ("$gt".to_owned(), date(from.plus(-1)))));
    range.extend(until.map(|until| ("$lt".to_owned(), date(until.plus(1)))));
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
    let way = if sort.down { -1 } else { 1 };
    // Each order is that of an index. No two share an address or number, so these need no second key.
    let order = match sort.field {
        "email" | "phone" => json!({ sort.field: way }),
        "role" => json!({ "role": way, "createdAt": -way, "_id": -way }),
        field => json!({ field: way, "_id": way }),
    };
    let rest =
        json!({ "sort": order, "skip": page.offset(), "limit": page.limit, "projection": user_fields() });
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
        { "$group": { "_id": role_of_document(), "count": { "$sum": 1 },
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
    let filter = with_state(id, was_active);
    let Some(entry) = entry else {
        return Ok(store.update_one(COLLECTION, filter, update, false).await?.matched() == 1);
    };
    let step = json!({ "action": "updateOne", "collection": COLLECTION, "filter": filter, "update": update,
        "expect": { "matchedCount": 1 } });
    store.audited(step, entry).await
}

/// An activity counter of a student.
#[derive(Debug, Clone, Copy)]
pub enum Activity {
    /// Lectures watched.
    Lectures,
    /// Games played.
    Games,
    /// Sessions.
    Communication,
}

impl Activity {
    /// Where it is stored.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Lectures => "studentInfo.totalLecturesWatched",
            Self::Games => "studentInfo.totalGamesPlayed",
            Self::Communication => "studentInfo.totalSessions",
        }
    }
}

/// Adds to a counter. Says whether there is such an account.
pub async fn add_activity(
    store: &Store,
    id: Id,
    activity: Activity,
    increment: i64,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let step = json!({ "action": "updateOne", "collection": COLLECTION, "filter": { "_id": oid(id) },
        "update": { "$inc": { activity.field(): increment }, "$set": { "updatedAt": date(entry.at) } },
        "expect": { "matchedCount": 1 } });
    store.audited(step, entry).await
}

/// Ids of users whose name or address holds a fragment; a thousand at most.
pub async fn ids_matching(store: &Store, fragment: &str) -> Result<Vec<Id>, StoreError> {
    ids(store, containing(fragment, &["name", "email"])).await
}

/// Ids of users whose address holds a fragment; a thousand at most.
pub async fn ids_with_email(store: &Store, fragment: &str) -> Result<Vec<Id>, StoreError> {
    ids(store, containing(fragment, &["email"])).await
}

async fn ids(store: &Store, filter: Value) -> Result<Vec<Id>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
    }
    let rest = json!({ "projection": { "_id": 1 }, "sort": { "createdAt": -1, "_id": -1 }, "limit": 1000 });
    let found = store.find::<Found>(COLLECTION, filter, rest).await?;
    Ok(found.into_iter().map(|user| user.id).collect())
}
