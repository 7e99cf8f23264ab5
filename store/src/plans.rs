//! The `plans` collection.

use domain::{Id, Timestamp, subscription::Tier};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, date, oid, or_default, or_yes, with_state, yes},
};

const COLLECTION: &str = "plans";

/// A plan.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct Plan {
    /// Plan id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Rupees.
    #[serde(default)]
    pub price: Num,
    /// Count of `durationType` units.
    #[serde(default = "one")]
    pub duration: Num,
    /// `days`, `weeks`, `months` or `years`.
    #[serde(default = "months")]
    pub duration_type: String,
    /// What it brings.
    #[serde(default, deserialize_with = "or_default")]
    pub features: Vec<PlanFeature>,
    /// May be bought.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Shown as the popular one.
    #[serde(default, deserialize_with = "or_default")]
    pub is_popular: bool,
    /// -1 means no limit.
    #[serde(default = "unlimited")]
    pub max_sessions: Num,
    /// -1 means no limit.
    #[serde(default = "unlimited")]
    pub max_games: Num,
    /// -1 means no limit.
    #[serde(default = "unlimited")]
    pub max_lectures: Num,
    /// Shown in the app.
    #[serde(default, deserialize_with = "or_default")]
    pub includes_video_calls: bool,
    /// Shown in the app.
    #[serde(default, deserialize_with = "or_default")]
    pub includes_voice_calls: bool,
    /// Shown in the app.
    #[serde(default, deserialize_with = "or_default")]
    pub includes_group_calls: bool,
    /// Shown in the app.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub includes_chat: bool,
    /// Shown in the app.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub includes_games: bool,
    /// Shown in the app.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub includes_lectures: bool,
    /// The higher, the earlier in the list.
    #[serde(default)]
    pub priority: Num,
    /// What the plan opens (our addition). A plan without it is a basic one.
    #[serde(default, deserialize_with = "basic_if_unknown", skip_serializing)]
    #[schema(ignore)]
    pub tier: Tier,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub razorpay_plan_id: Option<String>,
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

/// One line of what a plan brings.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanFeature {
    /// Id of the line.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Included, or shown crossed out.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_included: bool,
}

/// A plan, reduced to what is shown inside a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanRef {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    price: Num,
}

/// As [`PlanRef`], with its length.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanRefDuration {
    #[serde(flatten)]
    plan: PlanRef,
    duration: Num,
}

/// As [`PlanRefDuration`], with what it brings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanRefFeatures {
    #[serde(flatten)]
    plan: PlanRefDuration,
    features: Vec<PlanFeature>,
}

impl From<&Plan> for PlanRef {
    fn from(plan: &Plan) -> Self {
        Self {
            id: plan.id,
            name: plan.name.clone(),
            description: plan.description.clone(),
            price: plan.price.clone(),
        }
    }
}

impl From<&Plan> for PlanRefDuration {
    fn from(plan: &Plan) -> Self {
        Self { plan: plan.into(), duration: plan.duration.clone() }
    }
}

impl From<&Plan> for PlanRefFeatures {
    fn from(plan: &Plan) -> Self {
        Self { plan: plan.into(), features: plan.features.clone() }
    }
}

fn one() -> Num {
    1.into()
}

fn unlimited() -> Num {
    (-1).into()
}

fn months() -> String {
    "months".into()
}

fn basic_if_unknown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tier, D::Error> {
    let text = Option::<Value>::deserialize(deserializer)?;
    Ok(text.and_then(|tier| serde_json::from_value(tier).ok()).unwrap_or_default())
}

/// One plan.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Plan>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// Some plans.
pub async fn by_ids(store: &Store, ids: &[Id]) -> Result<Vec<Plan>, StoreError> {
    let ids: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "limit": ids.len().max(1) });
    store.find(COLLECTION, json!({ "_id": { "$in": ids } }), rest).await
}

/// More plans than anybody sells.
const MOST: u32 = 1000;

/// All plans.
pub async fn all(store: &Store) -> Result<Vec<Plan>, StoreError> {
    store.find(COLLECTION, json!({}), json!({ "sort": { "priority": -1 }, "limit": MOST })).await
}

/// The fields, and the folded name beside a name: its unique index decides between two that come at once.
fn with_name_key(mut fields: Map<String, Value>) -> Map<String, Value> {
    if let Some(name) = fields.get("name").and_then(Value::as_str) {
        let key = name.to_lowercase();
        fields.insert("nameKey".into(), json!(key));
    }
    fields
}

/// Adds a plan with these fields. A taken name or provider's id is a [`StoreError::Duplicate`].
pub async fn create(
    store: &Store,
    id: Id,
    fields: Map<String, Value>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let now = date(entry.at);
    let mut document = json!({ "_id": oid(id), "durationType": "months", "features": [], "isActive": true,
        "isPopular": false, "maxSessions": -1, "maxGames": -1, "maxLectures": -1, "includesVideoCalls": false,
        "includesVoiceCalls": false, "includesGroupCalls": false, "includesChat": true, "includesGames": true,
        "includesLectures": true, "priority": 0, "createdBy": oid(entry.actor), "createdAt": now, "updatedAt": now,
        "__v": 0 });
    if let Some(document) = document.as_object_mut() {
        document.extend(with_name_key(fields));
    }
    store.audited_insert(COLLECTION, document, entry).await
}

/// Changes fields of a plan whose state is still `was_active`, if that is given. Says whether there is one.
pub async fn update(
    store: &Store,
    id: Id,
    was_active: Option<bool>,
    set: Map<String, Value>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    store.audited_set(COLLECTION, with_state(id, was_active), with_name_key(set), entry).await
}

fn subscribers(id: Id, now: Timestamp) -> Value {
    json!({ "studentInfo.currentPlan": oid(id), "studentInfo.planExpiryDate": { "$gt": date(now) } })
}

/// Students with a running subscription of a plan, and purchases of it.
pub async fn uses(store: &Store, id: Id, now: Timestamp) -> Result<(u64, u64), StoreError> {
    futures_util::try_join!(
        store.count("users", subscribers(id, now)),
        store.count("transactions", json!({ "plan": oid(id) })),
    )
}

/// Deletes a plan unless somebody bought it. Says whether it did.
pub async fn delete_unused(store: &Store, id: Id, now: Timestamp, entry: &Entry) -> Result<bool, StoreError> {
    let none = |collection: &str, filter: Value| {
        json!({ "action": "findOne", "collection": collection, "filter": filter, "projection": { "_id": 1 },
            "expect": { "document": null } })
    };
    let steps = [
        none("users", subscribers(id, now)),
        none("transactions", json!({ "plan": oid(id) })),
        json!({ "action": "deleteOne", "collection": COLLECTION, "filter": { "_id": oid(id) },
            "expect": { "deletedCount": 1 } }),
    ];
    store.audited_all(&steps, entry).await
}
