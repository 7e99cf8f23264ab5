//! A learner's own records of discussion groups: session documents of the type `group_discussion`, one open one a
//! learner and group.

use domain::{Id, Timestamp, group::Group};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{COLLECTION, New, Record};
use crate::{
    Store, StoreError,
    ejson::{date, oid, or_default, plain},
};

/// Own records that are looked through for the group to return to.
const MOST: u32 = 20;
const OPEN: [&str; 2] = ["active", "scheduled"];

/// An open record of a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRecord {
    /// Session id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Status of the session.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    group_session: Map<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    participants: Vec<Map<String, Value>>,
}

impl GroupRecord {
    /// The group.
    #[must_use]
    pub fn group(&self) -> Option<Id> {
        serde_json::from_value(self.group_session.get("groupId")?.clone()).ok()
    }

    /// What it tells of the group, in plain JSON; a password of old data never leaves.
    #[must_use]
    pub fn shown(&self) -> Record {
        let shown = self.group_session.iter().filter(|(name, _)| *name != "password");
        shown.map(|(name, value)| (name.clone(), plain(value.clone()))).collect()
    }

    /// Its participants, in plain JSON.
    #[must_use]
    pub fn participants(&self) -> Vec<Record> {
        let entries = self.participants.iter().map(|entry| plain(Value::Object(entry.clone())));
        entries.filter_map(|entry| entry.as_object().cloned()).collect()
    }
}

fn fields() -> Value {
    json!({ "status": 1, "startedAt": 1, "groupSession": 1, "participants": 1 })
}

/// What a record tells of its group.
#[must_use]
pub fn group_part(group: &Group) -> Value {
    json!({ "groupId": oid(group.id), "groupName": group.title, "topic": group.topic, "level": group.level,
        "discussionType": group.discussion.kind, "maxParticipants": group.capacity,
        "currentParticipants": group.members.len(), "isPrivate": group.is_private, "isPublic": !group.is_private,
        "joinCode": group.join_code, "sessionSettings": group.settings })
}

/// The open record of a group.
pub async fn open_group_record(
    store: &Store,
    user: Id,
    group: Id,
) -> Result<Option<GroupRecord>, StoreError> {
    let filter = json!({ "host": oid(user), "sessionType": "group_discussion", "status": { "$in": OPEN },
        "groupSession.groupId": oid(group) });
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "limit": 1, "projection": fields() });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// Begins a record. False: one is open already, by its unique `openKey`.
pub async fn begin_group_record(
    store: &Store,
    (id, key): (Id, &str),
    user: Id,
    group: &Group,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let new = New {
        id,
        key,
        open_key: format!("group:{user}:{}", group.id),
        session_type: "group_discussion",
        title: &group.title,
        user,
        role: "host",
    };
    let Value::Object(mut document) = new.document(&group_part(group), now) else { return Ok(false) };
    document.insert("description".into(), json!(group.topic));
    match store.insert_one(COLLECTION, Value::Object(document)).await {
        Ok(()) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Brings an open record up to date with its group, in what may change (contract: saveGroupSession).
pub async fn refresh_group_record(
    store: &Store,
    mut record: GroupRecord,
    group: &Group,
    now: Timestamp,
) -> Result<GroupRecord, StoreError> {
    let changed =
        [("discussionType", json!(group.discussion.kind)), ("maxParticipants", json!(group.capacity))];
    let mut set = Map::from_iter([("updatedAt".to_owned(), date(now))]);
    for (name, value) in changed {
        set.insert(format!("groupSession.{name}"), value.clone());
        record.group_session.insert(name.to_owned(), value);
    }
    let filter = json!({ "_id": oid(record.id), "status": { "$in": OPEN } });
    store.update_one(COLLECTION, filter, json!({ "$set": set }), false).await?;
    Ok(record)
}

/// The newest open records that list a learner, newest first.
pub async fn open_group_records(store: &Store, user: Id) -> Result<Vec<GroupRecord>, StoreError> {
    let filter = json!({ "participants.user": oid(user), "status": { "$in": OPEN }, "sessionType": "group_discussion" });
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "limit": MOST, "projection": fields() });
    store.find(COLLECTION, filter, rest).await
}

/// Ends the open records of a group: of these learners, or of everybody.
pub async fn close_group_records(
    store: &Store,
    group: Id,
    of: Option<&[Id]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut filter = json!({ "groupSession.groupId": oid(group), "status": { "$in": OPEN },
        "sessionType": "group_discussion" });
    if let (Some(filter), Some(users)) = (filter.as_object_mut(), of) {
        let users: Vec<Value> = users.iter().copied().map(oid).collect();
        filter.insert("host".into(), json!({ "$in": users }));
    }
    // A group has at most 50 seats; whoever came and went has his records closed already.
    let rest = json!({ "limit": 200, "projection": fields() });
    let open: Vec<GroupRecord> = store.find(COLLECTION, filter, rest).await?;
    let ends = open.into_iter().map(|record| end(store, record, now));
    futures_util::future::try_join_all(ends).await.map(drop)
}

async fn end(store: &Store, record: GroupRecord, now: Timestamp) -> Result<(), StoreError> {
    let seconds = record.started_at.map_or(0, |start| now.seconds_since(start));
    let left = |mut entry: Map<String, Value>| {
        entry.insert("isActive".into(), json!(false));
        entry.entry("leftAt").or_insert_with(|| date(now));
        entry.insert("duration".into(), json!(seconds));
        Value::Object(entry)
    };
    let participants: Vec<Value> = record.participants.into_iter().map(left).collect();
    let update = json!({
        "$set": { "status": "completed", "endedAt": date(now), "duration": seconds, "participants": participants,
            "updatedAt": date(now) },
        "$unset": { "openKey": "" },
    });
    let filter = json!({ "_id": oid(record.id), "status": { "$in": OPEN } });
    store.update_one(COLLECTION, filter, update, false).await.map(drop)
}
