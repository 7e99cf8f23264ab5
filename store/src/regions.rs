//! The `regions` collection.

use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, date, oid, or_default, or_yes, with_state, yes},
};

const COLLECTION: &str = "regions";
/// More regions than the country has districts.
const MOST: usize = 1000;

/// A region.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// Region id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Upper-case short name.
    #[serde(default, deserialize_with = "or_default")]
    pub code: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Open for sign-up.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
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

/// All regions.
pub async fn all(store: &Store) -> Result<Vec<Region>, StoreError> {
    store.find(COLLECTION, json!({}), json!({ "limit": MOST })).await
}

/// One region.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Region>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// Some regions.
pub async fn by_ids(store: &Store, ids: &[Id]) -> Result<Vec<Region>, StoreError> {
    let ids: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "limit": ids.len().max(1) });
    store.find(COLLECTION, json!({ "_id": { "$in": ids } }), rest).await
}

/// Adds a region. A taken name or code is a [`StoreError::Duplicate`].
pub async fn create(store: &Store, region: &Region, entry: &Entry) -> Result<(), StoreError> {
    let mut document = json!({ "_id": oid(region.id), "name": region.name, "code": region.code,
        "isActive": region.is_active, "totalUsers": 0, "totalStudents": 0, "totalTeachers": 0, "averageScore": 0,
        "createdAt": date(region.created_at), "updatedAt": date(region.created_at), "__v": 0 });
    if let (Some(description), Some(fields)) = (&region.description, document.as_object_mut()) {
        fields.insert("description".into(), json!(description));
    }
    store.audited_insert(COLLECTION, document, entry).await
}

/// Changes fields of a region whose state is still `was_active`, if that is given. Says whether there was one. A taken
/// name or code is a [`StoreError::Duplicate`].
pub async fn update(
    store: &Store,
    id: Id,
    was_active: Option<bool>,
    set: Map<String, Value>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    store.audited_set(COLLECTION, with_state(id, was_active), set, entry).await
}

/// Whether somebody is in a region.
async fn is_used(store: &Store, id: Id) -> Result<bool, StoreError> {
    let found: Option<Value> =
        store.find_one("users", json!({ "region": oid(id) }), json!({ "_id": 1 })).await?;
    Ok(found.is_some())
}

/// Deletes a region unless somebody is in it. Says whether it did. Who came in at that very moment keeps the region: it
/// is put back. Who comes in later finds it gone (`users::settle`).
pub async fn delete_unused(store: &Store, id: Id, entry: &Entry) -> Result<bool, StoreError> {
    let Some(document) = store.find_one::<Value>(COLLECTION, json!({ "_id": oid(id) }), json!({})).await?
    else {
        return Ok(false);
    };
    let nobody = json!({ "action": "findOne", "collection": "users", "filter": { "region": oid(id) },
        "projection": { "_id": 1 }, "expect": { "document": null } });
    let delete = json!({ "action": "deleteOne", "collection": COLLECTION, "filter": { "_id": oid(id) },
        "expect": { "deletedCount": 1 } });
    if !store.audited_all(&[nobody, delete], entry).await? {
        return Ok(false);
    }
    if !is_used(store, id).await? {
        return Ok(true);
    }
    store.insert_one(COLLECTION, document).await?;
    Ok(false)
}

/// The region for learners whose own is unknown, created when it is missing.
pub async fn default_region(store: &Store, now: Timestamp) -> Result<Id, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
    }
    let filter = json!({ "code": "DEF" });
    let fields = json!({ "name": "Default", "isActive": true, "totalUsers": 0, "totalStudents": 0, "totalTeachers": 0,
        "averageScore": 0, "createdAt": date(now), "updatedAt": date(now), "__v": 0 });
    let made = store.update_one(COLLECTION, filter.clone(), json!({ "$setOnInsert": fields }), true).await;
    // Two first uses at once: the unique index lets one in, and both find it.
    if let Err(error @ (StoreError::Unavailable(_) | StoreError::Unreadable(_) | StoreError::Rejected(_))) =
        made
    {
        return Err(error);
    }
    let found = store.find_one::<Found>(COLLECTION, filter, json!({ "_id": 1 })).await?;
    found.map(|found| found.id).ok_or_else(|| StoreError::Unavailable("the default region is missing".into()))
}
