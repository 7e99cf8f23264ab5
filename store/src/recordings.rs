//! The `recordings` collection: what is kept in the bucket, and whose it is.

use domain::{Id, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid},
};

const COLLECTION: &str = "recordings";
/// Recordings of one learner that are looked through for those to let go.
const MOST: u32 = 2000;

/// A kept recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Recording {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Whose.
    pub user: Id,
    /// Its length.
    pub bytes: Num,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Writes a recording down.
pub async fn insert(store: &Store, new: &Recording, now: Timestamp) -> Result<(), StoreError> {
    let document = json!({ "_id": oid(new.id), "user": oid(new.user), "bytes": new.bytes, "type": new.kind,
        "createdAt": date(now) });
    store.insert_one(COLLECTION, document).await
}

/// One recording.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Recording>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// Forgets a recording.
pub async fn delete(store: &Store, id: Id) -> Result<(), StoreError> {
    store.delete_one(COLLECTION, json!({ "_id": oid(id) })).await
}

/// The oldest recordings of a learner, so that the others together have at most so many bytes.
pub async fn surplus(store: &Store, user: Id, most_bytes: u64) -> Result<Vec<Recording>, StoreError> {
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "limit": MOST });
    let all: Vec<Recording> = store.find(COLLECTION, json!({ "user": oid(user) }), rest).await?;
    let mut kept = 0;
    let goes = |recording: &Recording| {
        kept += u64::try_from(recording.bytes.as_i64()).unwrap_or(0);
        kept > most_bytes
    };
    Ok(all
        .into_iter()
        .filter({
            let mut goes = goes;
            move |recording| goes(recording)
        })
        .collect())
}
