//! The `plans` collection.

use domain::Id;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    ejson::{Num, oid},
};

/// A plan, reduced to what is shown inside a user.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PlanRef {
    /// Plan id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default)]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Rupees.
    #[serde(default)]
    pub price: Num,
    /// Count of units; not sent.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub duration: Num,
    /// `days`, `weeks`, `months` or `years`; not sent.
    #[serde(default, skip_serializing, rename = "durationType")]
    #[schema(ignore)]
    pub duration_type: String,
}

/// One plan.
pub async fn reference(store: &Store, id: Id) -> Result<Option<PlanRef>, StoreError> {
    let fields = json!({ "name": 1, "description": 1, "price": 1, "duration": 1, "durationType": 1 });
    store.find_one("plans", json!({ "_id": oid(id) }), fields).await
}
