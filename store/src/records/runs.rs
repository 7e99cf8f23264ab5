//! Runs of games that their screens save: session documents of the type `game`, one open one a learner and game.

use domain::{Id, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{COLLECTION, New};
use crate::{
    Store, StoreError,
    ejson::{date, oid, or_default},
};

/// A run that nobody went on with for so long is over, ms.
const EXPIRES_MS: i64 = 24 * 3_600_000;

/// What is played: a game of ours, or one that only the app knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GameKey {
    /// Id of a game.
    Id(Id),
    /// The app's own name for it.
    Free(String),
}

impl GameKey {
    /// The key as text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Free(key) => key.clone(),
        }
    }
}

/// A run, as saving reads it. Values are Extended JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Session id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Status of the session.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// Creation.
    #[serde(default)]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default)]
    updated_at: Timestamp,
    /// What the screens show.
    #[serde(default, deserialize_with = "or_default")]
    pub game_session: Map<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    participants: Vec<Map<String, Value>>,
}

impl Run {
    /// Whether it can go on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "active" | "scheduled")
    }
}

fn fields() -> Value {
    json!({ "status": 1, "startedAt": 1, "createdAt": 1, "updatedAt": 1, "gameSession": 1, "participants": 1 })
}

/// The open key of what is played of a game: screens and starts share one run.
pub(crate) fn open_key(user: Id, key: &GameKey) -> String {
    format!("{user}:{}", key.text())
}

/// The open run of a game. One that nobody went on with for a day is ended instead.
pub async fn open_run(
    store: &Store,
    user: Id,
    key: &GameKey,
    now: Timestamp,
) -> Result<Option<Run>, StoreError> {
    let (field, value) = match key {
        GameKey::Id(id) => ("gameSession.game", oid(*id)),
        GameKey::Free(key) => ("gameSession.gameId", json!(key)),
    };
    let filter = json!({ "host": oid(user), "sessionType": "game", "status": { "$in": ["active", "scheduled"] },
        field: value });
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "limit": 1, "projection": fields() });
    let Some(run) = store.find::<Run>(COLLECTION, filter, rest).await?.pop() else { return Ok(None) };
    if now.since(run.updated_at) <= EXPIRES_MS {
        return Ok(Some(run));
    }
    end_run(store, &run, "abandoned", now).await?;
    Ok(None)
}

/// The newest run to go on with.
pub async fn newest_run(store: &Store, user: Id, now: Timestamp) -> Result<Option<Run>, StoreError> {
    let filter = json!({ "host": oid(user), "sessionType": "game", "status": { "$in": ["active", "scheduled"] },
        "gameSession.gameStatus": { "$in": ["in_progress", "paused"] },
        "updatedAt": { "$gt": date(now.plus(-EXPIRES_MS)) } });
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "limit": 1, "projection": fields() });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// A run of this learner.
pub async fn run(store: &Store, id: Id, user: Id) -> Result<Option<Run>, StoreError> {
    let filter = json!({ "_id": oid(id), "host": oid(user), "sessionType": "game" });
    store.find_one(COLLECTION, filter, fields()).await
}

/// Begins a run. False: one is open already, by its unique `openKey`.
pub async fn begin_run(
    store: &Store,
    (id, name): (Id, &str),
    user: Id,
    (key, title): (&GameKey, &str),
    game_session: &Map<String, Value>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let new = New {
        id,
        key: name,
        open_key: open_key(user, key),
        session_type: "game",
        title,
        user,
        role: "player",
    };
    let document = new.document(&json!(game_session), now);
    match store.insert_one(COLLECTION, document).await {
        Ok(()) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Changes fields of an open run. Says whether it was still open.
pub async fn change_run(
    store: &Store,
    id: Id,
    changes: &Map<String, Value>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut set: Map<String, Value> =
        changes.iter().map(|(name, value)| (format!("gameSession.{name}"), value.clone())).collect();
    set.insert("updatedAt".into(), date(now));
    let filter = json!({ "_id": oid(id), "status": { "$in": ["active", "scheduled"] } });
    Ok(store.update_one(COLLECTION, filter, json!({ "$set": set }), false).await?.matched() == 1)
}

/// Ends an open run; on one that is over nothing changes.
pub async fn end_run(store: &Store, run: &Run, game_status: &str, now: Timestamp) -> Result<(), StoreError> {
    let seconds = now.seconds_since(run.started_at.unwrap_or(run.created_at));
    let left = |mut participant: Map<String, Value>| {
        if !participant.contains_key("leftAt") {
            participant.insert("leftAt".into(), date(now));
            participant.insert("duration".into(), json!(seconds));
            participant.insert("isActive".into(), json!(false));
        }
        Value::Object(participant)
    };
    let participants: Vec<Value> = run.participants.iter().cloned().map(left).collect();
    let update = json!({
        "$set": { "status": "completed", "endedAt": date(now), "duration": seconds, "participants": participants,
            "gameSession.gameStatus": game_status, "gameSession.endTime": date(now), "updatedAt": date(now) },
        "$unset": { "openKey": "" },
    });
    let filter = json!({ "_id": oid(run.id), "status": { "$in": ["active", "scheduled"] } });
    store.update_one(COLLECTION, filter, update, false).await.map(drop)
}
