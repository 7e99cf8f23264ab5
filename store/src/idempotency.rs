//! The `idempotency` collection: answers to requests that may be repeated.

use domain::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{Store, StoreError, ejson::date};

const COLLECTION: &str = "idempotency";

/// A request that was seen.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Hash of its body.
    pub body_hash: String,
    /// Its answer as JSON, once there is one.
    pub answer: Option<String>,
    /// When it began.
    #[serde(default)]
    pub at: Timestamp,
}

/// Notes a request that begins. `None`: it is the first one with this key.
pub async fn begin(
    store: &Store,
    key: &str,
    body_hash: &str,
    now: Timestamp,
) -> Result<Option<Seen>, StoreError> {
    let document = json!({ "key": key, "bodyHash": body_hash, "answer": null, "at": date(now) });
    match store.insert_one(COLLECTION, document).await {
        Ok(()) => Ok(None),
        Err(StoreError::Duplicate(why)) => {
            let seen = store.find_one(COLLECTION, json!({ "key": key }), json!({})).await?;
            // It ended without an answer between the two calls: the caller tries again.
            seen.map(Some).ok_or(StoreError::Aborted(why))
        }
        Err(error) => Err(error),
    }
}

/// Keeps the answer.
pub async fn answered(store: &Store, key: &str, answer: &str) -> Result<(), StoreError> {
    let update = json!({ "$set": { "answer": answer } });
    store.update_one(COLLECTION, json!({ "key": key }), update, false).await.map(drop)
}

/// Frees the key of a request that failed.
pub async fn forget(store: &Store, key: &str) -> Result<(), StoreError> {
    store.delete_one(COLLECTION, json!({ "key": key })).await
}
