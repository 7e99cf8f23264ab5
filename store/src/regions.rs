//! The `regions` collection.

use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    ejson::{date, oid},
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
    pub name: String,
    /// Upper-case short name.
    pub code: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Open for sign-up.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Creation.
    #[serde(default = "epoch")]
    pub created_at: Timestamp,
}

fn yes() -> bool {
    true
}

fn epoch() -> Timestamp {
    Timestamp::from_millis(0)
}

/// All regions.
pub async fn all(store: &Store) -> Result<Vec<Region>, StoreError> {
    store.find(COLLECTION, json!({}), json!({ "limit": MOST })).await
}

/// One region.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Region>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
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
