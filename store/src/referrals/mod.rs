//! The `referrals` collection: codes that teachers hand out.

mod statistics;

use domain::{Id, Timestamp, paging::Page, referral};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, containing, date, oid, or_default, or_yes, with_state, yes},
};

pub use statistics::*;

const COLLECTION: &str = "referrals";
/// Codes listed for one teacher.
const MOST_OF_TEACHER: u32 = 100;

/// A code. `Teacher` is an id, or expanded where an operation says so.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Referral<Teacher = Id> {
    /// Id of the code's document.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Whose it is.
    pub teacher: Teacher,
    /// Upper case.
    #[serde(default, deserialize_with = "or_default")]
    pub referral_code: String,
    /// Percent off.
    #[serde(default = "quarter")]
    pub discount_percentage: Num,
    /// Paid uses.
    #[serde(default)]
    pub total_uses: Num,
    /// Most uses; -1 means no limit.
    #[serde(default = "unlimited")]
    pub max_uses: Num,
    /// Switched on.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// May be used with its own terms.
    #[serde(default, deserialize_with = "or_default")]
    pub is_approved: bool,
    /// Least price, rupees.
    #[serde(default)]
    pub minimum_amount: Num,
    /// Most off, rupees.
    #[serde(default = "thousand")]
    pub maximum_discount: Num,
    /// Rupees off in all.
    #[serde(default)]
    pub total_discount_given: Num,
    /// Rupees paid in all.
    #[serde(default)]
    pub total_revenue: Num,
    /// Each use.
    #[serde(default, deserialize_with = "or_default")]
    pub used_by: Vec<Use>,
    /// From when it may be used.
    #[serde(default, deserialize_with = "or_default")]
    pub valid_from: Timestamp,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Creation.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default, deserialize_with = "or_default")]
    pub updated_at: Timestamp,
    /// Version counter of the old server.
    #[serde(rename = "__v", default)]
    pub version: Num,
}

/// One use of a code.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    /// Id of the entry.
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub used_at: Timestamp,
    /// The purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Id>,
    /// Who used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub student: Option<Id>,
    /// Rupees off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount_applied: Option<Num>,
    /// Rupees before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_amount: Option<Num>,
    /// Rupees paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_amount: Option<Num>,
}

fn quarter() -> Num {
    25.into()
}

fn unlimited() -> Num {
    (-1).into()
}

fn thousand() -> Num {
    1000.into()
}

impl<Teacher> Referral<Teacher> {
    /// What decides about its use.
    pub fn terms(&self) -> referral::Terms {
        referral::Terms {
            percentage: self.discount_percentage.as_f64(),
            maximum_paise: paise(&self.maximum_discount),
            minimum_paise: paise(&self.minimum_amount),
            uses: self.total_uses.as_i64(),
            max_uses: self.max_uses.as_i64(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }

    /// The same code with its teacher.
    pub fn of<T>(self, teacher: T) -> Referral<T> {
        Referral {
            id: self.id,
            teacher,
            referral_code: self.referral_code,
            discount_percentage: self.discount_percentage,
            total_uses: self.total_uses,
            max_uses: self.max_uses,
            is_active: self.is_active,
            is_approved: self.is_approved,
            minimum_amount: self.minimum_amount,
            maximum_discount: self.maximum_discount,
            total_discount_given: self.total_discount_given,
            total_revenue: self.total_revenue,
            used_by: self.used_by,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            description: self.description,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        }
    }
}

fn paise(rupees: &Num) -> i64 {
    domain::money::paise(rupees.as_f64()).unwrap_or(0)
}

/// The document of a code, whatever its state.
pub async fn by_code(store: &Store, code: &str) -> Result<Option<Referral>, StoreError> {
    store.find_one(COLLECTION, json!({ "referralCode": code }), json!({ "usedBy": 0 })).await
}

/// Whether a code's document lists a use by a student: by his id, or, as the old server did, by one of his purchases.
pub async fn lists_use(store: &Store, code: &str, student: Id, purchases: &[Id]) -> Result<bool, StoreError> {
    let purchases: Vec<Value> = purchases.iter().copied().map(oid).collect();
    let filter = json!({ "referralCode": code, "$or": [
        { "usedBy.student": oid(student) }, { "usedBy.transaction": { "$in": purchases } }] });
    Ok(store.find_one::<Value>(COLLECTION, filter, json!({ "_id": 1 })).await?.is_some())
}

/// One code.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Referral>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// A teacher's codes, newest first.
pub async fn of_teacher(store: &Store, teacher: Id) -> Result<Vec<Referral>, StoreError> {
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": MOST_OF_TEACHER });
    store.find(COLLECTION, json!({ "teacher": oid(teacher) }), rest).await
}

/// Which codes; everything absent is no filter.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this teacher.
    pub teacher: Option<Id>,
    /// Switched on, or off.
    pub is_active: Option<bool>,
    /// A fragment of code or description.
    pub search: Option<String>,
    /// Made from here on.
    pub from: Option<Timestamp>,
    /// Made up to here.
    pub until: Option<Timestamp>,
}

impl Wanted {
    fn filter(&self) -> Value {
        let mut filter = Map::new();
        filter.extend(self.teacher.map(|teacher| ("teacher".to_owned(), oid(teacher))));
        filter.extend(self.is_active.map(|active| ("isActive".to_owned(), json!(active))));
        let made = crate::users::between(self.from, self.until);
        filter.extend(made.map(|made| ("createdAt".to_owned(), made)));
        if let Some(search) = self.search.as_deref().filter(|search| !search.trim().is_empty())
            && let Value::Object(found) = containing(search, &["referralCode", "description"])
        {
            filter.extend(found);
        }
        Value::Object(filter)
    }
}

/// Codes by state.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateCount {
    /// Switched on.
    #[serde(rename = "_id")]
    pub is_active: bool,
    /// Codes.
    pub count: Num,
    /// Uses.
    pub total_uses: Num,
    /// Mean percentage.
    pub avg_discount: Option<Num>,
}

/// A page of codes; `sort` is a field with an index.
pub async fn page(
    store: &Store,
    wanted: &Wanted,
    sort: (&'static str, bool),
    page: Page,
) -> Result<Vec<Referral>, StoreError> {
    let way = if sort.1 { -1 } else { 1 };
    let order = match sort.0 {
        // No two are the same.
        "referralCode" => json!({ "referralCode": way }),
        field => json!({ field: way, "_id": way }),
    };
    let rest = json!({ "sort": order, "skip": page.offset(), "limit": page.limit });
    store.find(COLLECTION, wanted.filter(), rest).await
}

/// Counts of all matches by state.
pub async fn counts(store: &Store, wanted: &Wanted) -> Result<Vec<StateCount>, StoreError> {
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$group": { "_id": { "$ne": ["$isActive", false] }, "count": { "$sum": 1 },
            "totalUses": { "$sum": "$totalUses" }, "avgDiscount": { "$avg": "$discountPercentage" } } },
        { "$sort": { "_id": -1 } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}

/// Adds a code and makes it the teacher's current one; his code so far stays good. A taken code is a
/// [`StoreError::Duplicate`].
pub async fn create(
    store: &Store,
    new: &Referral,
    former: Option<&str>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let mut document = json!({ "_id": oid(new.id), "teacher": oid(new.teacher), "referralCode": new.referral_code,
        "discountPercentage": new.discount_percentage, "totalUses": 0, "maxUses": new.max_uses,
        "isActive": new.is_active, "isApproved": new.is_approved, "minimumAmount": 0, "maximumDiscount": 1000,
        "totalDiscountGiven": 0, "totalRevenue": 0, "usedBy": [], "validFrom": date(new.valid_from),
        "createdAt": date(entry.at), "updatedAt": date(entry.at), "__v": 0 });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(new.valid_until.map(|until| ("validUntil".to_owned(), date(until))));
        fields.extend(new.description.as_ref().map(|text| ("description".to_owned(), json!(text))));
    }
    let mut current =
        json!({ "$set": { "teacherInfo.referralCode": new.referral_code, "updatedAt": date(entry.at) } });
    if let (Some(former), Some(current)) = (former, current.as_object_mut()) {
        current.insert("$addToSet".into(), json!({ "teacherInfo.earlierCodes": former }));
    }
    let steps = [
        json!({ "action": "insertOne", "collection": COLLECTION, "document": document }),
        json!({ "action": "updateOne", "collection": "users", "filter": { "_id": oid(new.teacher) }, "update": current,
            "expect": { "matchedCount": 1 } }),
    ];
    store.audited_all(&steps, entry).await
}

/// Changes fields of a code whose state is still `was_active`, if that is given. Says whether there was one.
pub async fn update(
    store: &Store,
    id: Id,
    was_active: Option<bool>,
    set: Map<String, Value>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    store.audited_set(COLLECTION, with_state(id, was_active), set, entry).await
}

/// Deletes a code that was never used, and takes it from its teacher. Says whether it did.
pub async fn delete_unused(store: &Store, code: &Referral, entry: &Entry) -> Result<bool, StoreError> {
    let text = &code.referral_code;
    let steps = [
        json!({ "action": "deleteOne", "collection": COLLECTION,
            "filter": { "_id": oid(code.id), "totalUses": { "$not": { "$gt": 0 } } }, "expect": { "deletedCount": 1 } }),
        json!({ "action": "updateOne", "collection": "users",
            "filter": { "_id": oid(code.teacher), "teacherInfo.referralCode": text },
            "update": { "$unset": { "teacherInfo.referralCode": "" } } }),
        json!({ "action": "updateOne", "collection": "users", "filter": { "_id": oid(code.teacher) },
            "update": { "$pull": { "teacherInfo.earlierCodes": text } } }),
    ];
    store.audited_all(&steps, entry).await
}
