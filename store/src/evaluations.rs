//! The `evaluations` collection (ours): what was scored.

use domain::{Id, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, plain},
};

const COLLECTION: &str = "evaluations";

/// Something that was scored.
pub struct Evaluation<'a> {
    /// Id.
    pub id: Id,
    /// Whose.
    pub user: Id,
    /// `pronunciation` or `storytelling`.
    pub kind: &'a str,
    /// Final score.
    pub score: i64,
    /// What was asked for and given, and how it was judged, as clients see it.
    pub details: Value,
    /// When.
    pub at: Timestamp,
}

/// Keeps an evaluation.
pub async fn insert(store: &Store, new: &Evaluation<'_>) -> Result<(), StoreError> {
    let document = json!({ "_id": oid(new.id), "user": oid(new.user), "type": new.kind, "finalScore": new.score,
        "details": new.details, "createdAt": date(new.at) });
    store.insert_one(COLLECTION, document).await
}

/// A page of somebody's evaluations, newest first, as clients see them, and the count of all.
pub async fn page(
    store: &Store,
    user: Id,
    kind: Option<&str>,
    offset: u64,
    limit: u32,
) -> Result<(Vec<Value>, u64), StoreError> {
    let mut filter = Map::new();
    filter.insert("user".into(), oid(user));
    filter.extend(kind.map(|kind| ("type".to_owned(), json!(kind))));
    let filter = Value::Object(filter);
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "skip": offset, "limit": limit, "projection": { "user": 0 } });
    let (found, total) = futures_util::try_join!(
        store.find::<Value>(COLLECTION, filter.clone(), rest),
        store.count(COLLECTION, filter.clone()),
    )?;
    Ok((found.into_iter().map(plain).collect(), total))
}

/// One score.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// `pronunciation` or `storytelling`.
    #[serde(rename = "type")]
    pub kind: String,
    /// 0 to 100.
    #[serde(default)]
    pub final_score: Num,
}

/// Somebody's scores since a time, newest first; the newest thousand at most.
pub async fn scores(store: &Store, user: Id, since: Timestamp) -> Result<Vec<Score>, StoreError> {
    let filter = json!({ "user": oid(user), "createdAt": { "$gte": date(since) } });
    let rest =
        json!({ "sort": { "createdAt": -1 }, "limit": 1000, "projection": { "type": 1, "finalScore": 1 } });
    store.find(COLLECTION, filter, rest).await
}
