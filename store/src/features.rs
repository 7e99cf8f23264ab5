//! The `features` collection.

use domain::subscription::Feature;
use serde::Deserialize;
use serde_json::json;

use crate::{Store, StoreError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    key: String,
    #[serde(default = "yes")]
    is_active: bool,
    // Missing after a bulk update of the old server: read as false.
    #[serde(default)]
    is_paid: bool,
}

fn yes() -> bool {
    true
}

/// All features by key, as far as the gate reads them.
pub async fn all(store: &Store) -> Result<Vec<(String, Feature)>, StoreError> {
    let rest = json!({ "projection": { "key": 1, "isActive": 1, "isPaid": 1 } });
    let found = store.find::<Document>("features", json!({}), rest).await?;
    Ok(found.into_iter().map(|f| (f.key, Feature { is_active: f.is_active, is_paid: f.is_paid })).collect())
}
