//! Viewings of lectures: session documents of the type `lecture`, one a learner and lecture.

use domain::{Id, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{COLLECTION, New};
use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default, plain},
};

/// Entries of the history that are kept; the oldest go.
const MAX_HISTORY: i64 = 200;
/// Most bookmarks of a viewing.
const MAX_BOOKMARKS: usize = 200;

/// A viewing, as far as progress reads it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Viewing {
    /// Session id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Status of the session.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    lecture_session: Watched,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    lecture: Option<Id>,
    #[serde(default, deserialize_with = "or_default")]
    watch_time: Num,
    #[serde(default, deserialize_with = "or_default")]
    total_duration: Num,
    #[serde(default, deserialize_with = "or_default")]
    completion_percentage: Num,
    #[serde(default, deserialize_with = "or_default")]
    is_completed: bool,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Viewing {
    /// What is watched.
    pub fn lecture(&self) -> Option<Id> {
        self.lecture_session.lecture
    }

    /// How far it came.
    pub fn state(&self) -> domain::viewing::State {
        let watched = &self.lecture_session;
        domain::viewing::State {
            watch_time: watched.watch_time.as_f64(),
            total: watched.total_duration.as_f64(),
            percentage: watched.completion_percentage.as_i64(),
            is_completed: watched.is_completed,
        }
    }

    /// The viewing's own part of the record, without history and lecture.
    pub fn shown(&self) -> Map<String, Value> {
        let watched = &self.lecture_session;
        let rest = watched.rest.iter().filter(|(name, _)| *name != "watchHistory");
        let mut shown: Map<String, Value> =
            rest.map(|(name, value)| (name.clone(), plain(value.clone()))).collect();
        shown.entry("bookmarks").or_insert_with(|| json!([]));
        for (name, value) in [
            ("watchTime", json!(watched.watch_time)),
            ("totalDuration", json!(watched.total_duration)),
            ("completionPercentage", json!(watched.completion_percentage)),
            ("isCompleted", json!(watched.is_completed)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        shown
    }
}

fn fields() -> Value {
    json!({ "status": 1, "startedAt": 1, "lectureSession": 1 })
}

fn own(id: Id, user: Id) -> Value {
    json!({ "_id": oid(id), "host": oid(user), "sessionType": "lecture" })
}

/// A viewing of this learner.
pub async fn viewing(store: &Store, id: Id, user: Id) -> Result<Option<Viewing>, StoreError> {
    store.find_one(COLLECTION, own(id, user), fields()).await
}

/// The viewing of a lecture, whatever its status.
pub async fn viewing_of(store: &Store, user: Id, lecture: Id) -> Result<Option<Viewing>, StoreError> {
    let filter =
        json!({ "host": oid(user), "lectureSession.lecture": oid(lecture), "sessionType": "lecture" });
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": 1, "projection": fields() });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// The unfinished viewing that was looked at last.
pub async fn newest_viewing(store: &Store, user: Id) -> Result<Option<Viewing>, StoreError> {
    let filter = json!({ "host": oid(user), "sessionType": "lecture", "status": "active" });
    let rest = json!({ "sort": { "lectureSession.lastWatchedAt": -1, "createdAt": -1 }, "limit": 1, "projection": fields() });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// Begins a viewing. False: there is one already, by its unique `openKey`.
pub async fn begin_viewing(
    store: &Store,
    (id, key): (Id, &str),
    user: Id,
    lecture: (Id, &str),
    total: f64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open_key = format!("lecture:{user}:{}", lecture.0);
    let part = json!({ "lecture": oid(lecture.0), "watchTime": 0, "totalDuration": Num::from_f64(total),
        "completionPercentage": 0, "isCompleted": false, "lastWatchedAt": date(now), "watchHistory": [],
        "bookmarks": [] });
    let new = New { id, key, open_key, session_type: "lecture", title: lecture.1, user, role: "participant" };
    let document = new.document(&part, now);
    match store.insert_one(COLLECTION, document).await {
        Ok(()) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Stores how far a viewing came; reports that cross never take anything back.
pub async fn progress(
    store: &Store,
    id: Id,
    state: &domain::viewing::State,
    report: (Id, f64, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let (entry, position, action) = report;
    let time = Num::from_f64(state.watch_time);
    let line = json!({ "_id": oid(entry), "timestamp": date(now), "position": Num::from_f64(position), "action": action });
    let mut set = json!({ "lectureSession.totalDuration": Num::from_f64(state.total),
        "lectureSession.lastWatchedAt": date(now), "updatedAt": date(now) });
    if let (Some(set), true) = (set.as_object_mut(), state.is_completed) {
        set.insert("lectureSession.isCompleted".into(), json!(true));
        set.insert("status".into(), json!("completed"));
        set.insert("endedAt".into(), date(now));
    }
    let update = json!({
        "$set": set,
        "$max": { "lectureSession.watchTime": time, "lectureSession.completionPercentage": state.percentage,
            "duration": Num::from_f64(state.watch_time.floor()) },
        "$push": { "lectureSession.watchHistory": { "$each": [line], "$slice": -MAX_HISTORY } },
    });
    store.update_one(COLLECTION, json!({ "_id": oid(id) }), update, false).await.map(drop)
}

/// Adds a bookmark. False: there is no such viewing of this learner, or it has too many.
pub async fn add_bookmark(
    store: &Store,
    id: Id,
    user: Id,
    (entry, position, title, note): (Id, &Value, &str, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut filter = own(id, user);
    if let Some(filter) = filter.as_object_mut() {
        let last = format!("lectureSession.bookmarks.{}", MAX_BOOKMARKS - 1);
        filter.insert(last, json!({ "$exists": false }));
    }
    let bookmark = json!({ "_id": oid(entry), "position": position, "title": title, "note": note, "createdAt": date(now) });
    let update =
        json!({ "$push": { "lectureSession.bookmarks": bookmark }, "$set": { "updatedAt": date(now) } });
    Ok(store.update_one(COLLECTION, filter, update, false).await?.matched() == 1)
}

/// Replaces the notes; none erases them. Says whether there is such a viewing of this learner.
pub async fn set_notes(
    store: &Store,
    id: Id,
    user: Id,
    notes: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = match notes {
        Some(notes) => json!({ "$set": { "lectureSession.notes": notes, "updatedAt": date(now) } }),
        None => json!({ "$unset": { "lectureSession.notes": "" }, "$set": { "updatedAt": date(now) } }),
    };
    Ok(store.update_one(COLLECTION, own(id, user), update, false).await?.matched() == 1)
}
