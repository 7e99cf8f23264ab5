//! The `groups` collection. A group's object writes its document; lists read it.

mod documents;

use documents::{Document, Names};
use domain::{
    Id, Timestamp,
    chat::{Line, MAX_LINES},
    group::{Former, Group, GroupStatus, Member},
    paging::Page,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Store, StoreError,
    ejson::{containing, date, oid},
    sessions::message,
};

const COLLECTION: &str = "groups";
/// Groups that one user is shown at once.
const MOST_OWN: u32 = 50;
/// States of groups that are not over.
const LIVE: [&str; 3] = ["waiting", "ready", "active"];

/// A group as its object takes it over from the database.
pub struct Stored {
    /// The group.
    pub group: Group,
    /// Hash of its password, or the password itself in documents of the old server.
    pub lock: Option<String>,
    /// Newest chat lines, oldest first.
    pub lines: Vec<Line>,
    /// Number of its newest change.
    pub revision: u64,
}

/// A group with its chat.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Stored>, StoreError> {
    let newest = i64::try_from(MAX_LINES).unwrap_or(i64::MAX);
    let pipeline = json!([
        { "$match": { "_id": oid(id) } },
        { "$set": { "messages": { "$slice": [{ "$ifNull": ["$messages", []] }, -newest] } } },
        { "$limit": 1 },
    ]);
    let found: Vec<Document> = store.aggregate(COLLECTION, pipeline).await?;
    let names = Names::of(store, &found).await?;
    Ok(found.into_iter().next().map(|document| Stored {
        group: document.group(&names),
        lines: document.lines(&names),
        lock: document.password.filter(|_| document.is_private),
        revision: u64::try_from(document.room_revision.as_i64()).unwrap_or(0),
    }))
}

/// The group that a join code opens.
pub async fn id_by_code(store: &Store, code: &str) -> Result<Option<Id>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
    }
    let found: Option<Found> =
        store.find_one(COLLECTION, json!({ "joinCode": code }), json!({ "_id": 1 })).await?;
    Ok(found.map(|found| found.id))
}

/// Stores a new group. False: its join code is taken.
pub async fn create(store: &Store, group: &Group, lock: Option<&str>) -> Result<bool, StoreError> {
    let mut document = changing(group, group.created_at);
    for (field, value) in [
        ("_id", oid(group.id)),
        ("title", json!(group.title)),
        ("topic", json!(group.topic)),
        ("description", json!(group.description)),
        ("level", json!(group.level)),
        ("maxParticipants", json!(group.capacity)),
        ("isPrivate", json!(group.is_private)),
        ("password", json!(lock)),
        ("joinCode", json!(group.join_code)),
        ("host", oid(group.host.id)),
        ("settings", json!(group.settings)),
        ("region", json!(group.region.map(oid))),
        ("messages", json!([])),
        ("createdAt", date(group.created_at)),
        ("__v", json!(0)),
    ] {
        document.insert(field.into(), value);
    }
    match store.insert_one(COLLECTION, Value::Object(document)).await {
        Ok(()) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The fields that change in a group's life.
fn changing(group: &Group, now: Timestamp) -> Map<String, Value> {
    let member = |member: &Member| {
        json!({ "_id": oid(member.entry), "user": oid(member.user.id), "role": member.role,
            "joinedAt": date(member.joined_at), "isActive": true })
    };
    let former = |one: &Former| json!({ "user": oid(one.user), "joinedAt": date(one.joined_at), "leftAt": date(one.left_at) });
    let discussion = &group.discussion;
    let mut session = json!({
        "_id": oid(discussion.id),
        "maxParticipants": group.capacity,
        "currentParticipants": group.members.len(),
        "sessionType": discussion.kind,
        "isActive": discussion.is_active,
        "duration": discussion.duration,
    });
    if let Some(session) = session.as_object_mut() {
        for (field, time) in [("startedAt", discussion.started_at), ("endedAt", discussion.ended_at)] {
            session.extend(time.map(|time| (field.to_owned(), date(time))));
        }
    }
    let mut set = Map::new();
    set.insert("participants".into(), group.members.iter().map(member).collect());
    set.insert("formerParticipants".into(), group.former.iter().map(former).collect());
    set.insert("status".into(), json!(group.status));
    set.insert("groupSession".into(), session);
    set.insert("updatedAt".into(), date(now));
    set
}

/// Writes what changed of a group, and the chat lines that its document does not hold yet. Repeating it changes nothing;
/// `revision` grows with every change, so a write that was held up never overwrites a later one.
pub async fn record(
    store: &Store,
    group: &Group,
    lines: &[Line],
    revision: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut set = changing(group, now);
    set.insert("roomRevision".into(), json!(revision));
    let mut update = json!({ "$set": set });
    if let (Some(update), false) = (update.as_object_mut(), lines.is_empty()) {
        let each: Vec<Value> = lines.iter().map(message).collect();
        // A line that is there already, byte for byte, is not added again.
        update.insert("$addToSet".into(), json!({ "messages": { "$each": each } }));
    }
    let not_later = json!({ "_id": oid(group.id), "roomRevision": { "$not": { "$gt": revision } } });
    store.update_one(COLLECTION, not_later, update, false).await.map(drop)
}

/// Which groups a list shows.
pub struct Wanted {
    /// Of this region.
    pub region: Id,
    /// Not those of this user.
    pub without: Id,
    /// In these states.
    pub statuses: Vec<GroupStatus>,
    /// Of this level.
    pub level: Option<String>,
    /// A fragment of title or topic.
    pub search: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Value {
        let mut filter = self
            .search
            .as_deref()
            .map_or_else(|| json!({}), |search| containing(search, &["title", "topic"]));
        if let Some(filter) = filter.as_object_mut() {
            filter.insert("region".into(), oid(self.region));
            filter.insert("participants.user".into(), json!({ "$ne": oid(self.without) }));
            filter.insert("status".into(), json!({ "$in": self.statuses }));
            filter.extend(self.level.as_ref().map(|level| ("level".to_owned(), json!(level))));
        }
        filter
    }
}

/// Lists do not carry chats.
fn list_fields() -> Value {
    json!({ "messages": 0, "password": 0 })
}

/// A page of groups, newest first, and the count of all matches.
pub async fn page(store: &Store, wanted: &Wanted, page: Page) -> Result<(Vec<Group>, u64), StoreError> {
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "skip": page.offset(), "limit": page.limit,
        "projection": list_fields() });
    let (found, total) = futures_util::try_join!(
        store.find::<Document>(COLLECTION, wanted.filter(), rest),
        store.count(COLLECTION, wanted.filter())
    )?;
    Ok((named(store, found).await?, total))
}

/// The groups that a user is in and that are not over.
pub async fn live_of(store: &Store, user: Id) -> Result<Vec<Group>, StoreError> {
    let filter = json!({ "participants.user": oid(user), "status": { "$in": LIVE } });
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": MOST_OWN, "projection": list_fields() });
    let found = store.find::<Document>(COLLECTION, filter, rest).await?;
    named(store, found).await
}

/// Their ids.
pub async fn live_ids_of(store: &Store, user: Id) -> Result<Vec<Id>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
    }
    let filter = json!({ "participants.user": oid(user), "status": { "$in": LIVE } });
    let rest = json!({ "projection": { "_id": 1 }, "limit": MOST_OWN });
    let found: Vec<Found> = store.find(COLLECTION, filter, rest).await?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

async fn named(store: &Store, found: Vec<Document>) -> Result<Vec<Group>, StoreError> {
    let names = Names::of(store, &found).await?;
    Ok(found.iter().map(|document| document.group(&names)).collect())
}
