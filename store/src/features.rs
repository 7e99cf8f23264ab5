//! The `features` collection: what the app gates.

use domain::{
    Id, Timestamp,
    subscription::{self, Tier},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, date, oid, or_default, or_yes, yes},
};

const COLLECTION: &str = "features";
/// More features than the app has screens.
const MOST: u32 = 500;

/// A feature.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct Feature {
    /// Feature id; under this name on the wire, too.
    #[serde(rename(deserialize = "_id"))]
    pub id: Id,
    /// Lower-case name for programs.
    pub key: String,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `games`, `communication`, `learning`, `social` or `premium`.
    #[serde(default, deserialize_with = "or_default")]
    pub category: String,
    /// Needs a subscription. Missing after a bulk update of the old server: read as false.
    #[serde(default, deserialize_with = "or_default")]
    pub is_paid: bool,
    /// Switched on.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Name of an icon.
    #[serde(default = "star")]
    pub icon: String,
    /// CSS colour.
    #[serde(default = "blue")]
    pub color: String,
    /// Place in lists.
    #[serde(default)]
    pub order: Num,
    /// The least plan that opens it, when it is paid.
    #[serde(default = "free", deserialize_with = "free_if_unknown")]
    pub required_plan: Tier,
    /// Uses without a subscription; -1 means no limit.
    #[serde(default = "unlimited")]
    pub free_limit: Num,
    /// `per_day`, `per_week`, `per_month` or `total`.
    #[serde(default = "per_day")]
    pub free_limit_type: String,
    /// Administrators may change its flags.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub can_toggle: bool,
    /// Shown in the menu.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub show_in_menu: bool,
    /// Needs a signed-in user.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub requires_auth: bool,
    /// Counted uses.
    #[serde(default)]
    pub usage_count: Num,
    /// Last counted use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
    /// The administrator who changed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified_by: Option<Id>,
    /// When he did.
    #[serde(default, deserialize_with = "or_default")]
    pub last_modified_at: Timestamp,
    /// Creation.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default, deserialize_with = "or_default")]
    pub updated_at: Timestamp,
}

impl Feature {
    /// What the paid gate reads.
    #[must_use]
    pub fn rule(&self) -> subscription::Feature {
        subscription::Feature {
            is_active: self.is_active,
            is_paid: self.is_paid,
            required: self.required_plan,
        }
    }
}

fn star() -> String {
    "star".into()
}

fn blue() -> String {
    "#226cae".into()
}

fn per_day() -> String {
    "per_day".into()
}

fn unlimited() -> Num {
    (-1).into()
}

fn free() -> Tier {
    Tier::Free
}

fn free_if_unknown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tier, D::Error> {
    let text = Option::<Value>::deserialize(deserializer)?;
    Ok(text.and_then(|tier| serde_json::from_value(tier).ok()).unwrap_or(Tier::Free))
}

/// All features, in the order of lists.
pub async fn all(store: &Store) -> Result<Vec<Feature>, StoreError> {
    store.find(COLLECTION, json!({}), json!({ "sort": { "order": 1, "key": 1 }, "limit": MOST })).await
}

/// One feature.
pub async fn by_key(store: &Store, key: &str) -> Result<Option<Feature>, StoreError> {
    store.find_one(COLLECTION, json!({ "key": key }), json!({})).await
}

/// Adds a feature with these fields. A taken key is a [`StoreError::Duplicate`].
pub async fn create(
    store: &Store,
    id: Id,
    fields: Map<String, Value>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let now = date(entry.at);
    let mut document = json!({ "_id": oid(id), "isActive": true, "icon": star(), "color": blue(), "order": 0,
        "requiredPlan": "free", "freeLimit": -1, "freeLimitType": "per_day", "canToggle": true, "showInMenu": true,
        "requiresAuth": true, "dependencies": [], "usageCount": 0, "lastModifiedBy": oid(entry.actor),
        "lastModifiedAt": now, "createdAt": now, "updatedAt": now, "__v": 0 });
    if let Some(document) = document.as_object_mut() {
        document.extend(fields);
    }
    store.audited_insert(COLLECTION, document, entry).await
}

/// Changes of several features, in one transaction. Says whether all of them were still there.
pub async fn update(
    store: &Store,
    changes: Vec<(String, Map<String, Value>)>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let step = |(key, mut set): (String, Map<String, Value>)| {
        set.insert("lastModifiedBy".into(), oid(entry.actor));
        set.insert("lastModifiedAt".into(), date(entry.at));
        set.insert("updatedAt".into(), date(entry.at));
        json!({ "action": "updateOne", "collection": COLLECTION, "filter": { "key": key }, "update": { "$set": set },
            "expect": { "matchedCount": 1 } })
    };
    let steps: Vec<Value> = changes.into_iter().map(step).collect();
    store.audited_all(&steps, entry).await
}

/// Counts a use. Says whether there is such a feature.
pub async fn count_use(store: &Store, key: &str, now: Timestamp) -> Result<bool, StoreError> {
    let update = json!({ "$inc": { "usageCount": 1 }, "$set": { "lastUsed": date(now) } });
    Ok(store.update_one(COLLECTION, json!({ "key": key }), update, false).await?.matched() == 1)
}
