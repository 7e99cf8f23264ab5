//! Records of sessions of every kind, as lists and details show them: the document, less what lists must not carry.

mod groups;
mod runs;
mod statistics;
mod viewings;

use domain::{Id, Timestamp, paging::Page};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use groups::{
    GroupRecord, begin_group_record, close_group_records, group_part, open_group_record, open_group_records,
    refresh_group_record,
};
pub(crate) use runs::open_key;
pub use runs::{GameKey, Run, begin_run, change_run, end_run, newest_run, open_run, run};
pub use statistics::{
    RegionTotals, Statistics, StatusCount, StatusStatistics, TypeCount, TypeStatistics, by_status, by_type,
    statistics,
};
pub use viewings::{
    Viewing, add_bookmark, begin_viewing, newest_viewing, progress, set_notes, viewing, viewing_of,
};

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{containing, date, oid, or_default, plain},
    sessions::COLLECTION,
    users::between,
};

/// A document in plain JSON.
pub type Record = Map<String, Value>;

/// What never leaves the server with a record: chats and signaling have their own routes, the rest is ours.
fn shown_fields() -> Value {
    json!({ "chatSession.messages": 0, "callSession.signaling": 0, "lectureSession.watchHistory": 0,
        "groupSession.password": 0, "gameSession.result": 0, "openKey": 0, "roomRevision": 0 })
}

/// A session without a room, of one learner; no second one with the same open key is begun while it has one.
pub(crate) struct New<'a> {
    /// Session id.
    pub id: Id,
    /// Readable key.
    pub key: &'a str,
    /// Unique while it is there.
    pub open_key: String,
    /// `game`, `lecture` or `group_discussion`.
    pub session_type: &'static str,
    /// Title.
    pub title: &'a str,
    /// Whose.
    pub user: Id,
    /// What he is in it.
    pub role: &'static str,
}

impl New<'_> {
    /// The whole document; `part` is `gameSession`, `lectureSession` or `groupSession`.
    pub fn document(self, part: &Value, now: Timestamp) -> Value {
        let now = date(now);
        let participant = json!({ "_id": oid(self.id), "user": oid(self.user), "role": self.role, "joinedAt": now,
            "duration": 0, "isActive": true });
        let kind = if self.session_type == "group_discussion" { "group" } else { self.session_type };
        let part_name = format!("{kind}Session");
        json!({
            "_id": oid(self.id), "sessionId": self.key, "openKey": self.open_key, "sessionType": self.session_type,
            "title": self.title, "participants": [participant], "host": oid(self.user), "status": "active",
            "startedAt": now, "duration": 0, part_name: part, "isPrivate": false, "requiresSubscription": false,
            "createdAt": now, "updatedAt": now, "__v": 0,
        })
    }
}

/// Whose records.
#[derive(Debug, Clone, Copy)]
pub enum Party {
    /// Listed as a participant.
    Participant(Id),
    /// Listed as a participant, or the host.
    Involved(Id),
}

/// Which records; everything absent is no filter.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Whose.
    pub party: Option<Party>,
    /// Type.
    pub session_type: Option<String>,
    /// One of these types.
    pub types: Option<Vec<String>>,
    /// Status.
    pub status: Option<String>,
    /// Created then or later.
    pub from: Option<Timestamp>,
    /// Created then or earlier.
    pub until: Option<Timestamp>,
    /// Region of the host.
    pub region: Option<Id>,
    /// A fragment of title or key, or one of these hosts.
    pub search: Option<(String, Vec<Id>)>,
    /// One of these is the host.
    pub hosts: Option<Vec<Id>>,
    /// One of these takes part.
    pub participants: Option<Vec<Id>>,
}

impl Wanted {
    fn filter(&self) -> Value {
        let any = |ids: &[Id]| json!({ "$in": ids.iter().copied().map(oid).collect::<Vec<_>>() });
        let mut all = Vec::new();
        match self.party {
            Some(Party::Participant(user)) => all.push(json!({ "participants.user": oid(user) })),
            Some(Party::Involved(user)) => {
                all.push(json!({ "$or": [{ "host": oid(user) }, { "participants.user": oid(user) }] }));
            }
            None => {}
        }
        all.extend(self.session_type.as_ref().map(|kind| json!({ "sessionType": kind })));
        all.extend(self.types.as_ref().map(|types| json!({ "sessionType": { "$in": types } })));
        all.extend(self.status.as_ref().map(|status| json!({ "status": status })));
        all.extend(between(self.from, self.until).map(|span| json!({ "createdAt": span })));
        let region = |id: Id| json!({ "$or": [{ "hostRegion": oid(id) }, { "region": oid(id) }] });
        all.extend(self.region.map(region));
        if let Some((fragment, hosts)) = &self.search {
            all.push(
                json!({ "$or": [containing(fragment, &["title", "sessionId"]), { "host": any(hosts) }] }),
            );
        }
        all.extend(self.hosts.as_ref().map(|hosts| json!({ "host": any(hosts) })));
        all.extend(self.participants.as_ref().map(|users| json!({ "participants.user": any(users) })));
        if all.is_empty() { json!({}) } else { json!({ "$and": all }) }
    }
}

/// How records are ordered; each order is that of an index.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// `createdAt`, `duration` or `startedAt`.
    pub field: &'static str,
    /// Largest first.
    pub down: bool,
}

/// The newest first.
pub const NEWEST: Sort = Sort { field: "createdAt", down: true };

/// A page of records.
pub async fn page(store: &Store, wanted: &Wanted, sort: Sort, page: Page) -> Result<Vec<Record>, StoreError> {
    let way = if sort.down { -1 } else { 1 };
    let rest = json!({ "sort": { sort.field: way, "_id": way }, "skip": page.offset(), "limit": page.limit,
        "projection": shown_fields() });
    let found = store.find::<Value>(COLLECTION, wanted.filter(), rest).await?;
    Ok(found.into_iter().filter_map(record).collect())
}

/// A page of the newest records, and the count of all matches.
pub async fn newest(store: &Store, wanted: &Wanted, of: Page) -> Result<(Vec<Record>, u64), StoreError> {
    futures_util::try_join!(page(store, wanted, NEWEST, of), store.count(COLLECTION, wanted.filter()))
}

/// One record.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Record>, StoreError> {
    let found: Option<Value> = store.find_one(COLLECTION, json!({ "_id": oid(id) }), shown_fields()).await?;
    Ok(found.and_then(record))
}

fn record(document: Value) -> Option<Record> {
    match plain(document) {
        Value::Object(record) => Some(record),
        _ => None,
    }
}

/// Removes a record. Says whether it was there.
pub async fn delete(store: &Store, id: Id, entry: &Entry) -> Result<bool, StoreError> {
    let step = json!({ "action": "deleteOne", "collection": COLLECTION, "filter": { "_id": oid(id) },
        "expect": { "deletedCount": 1 } });
    store.audited(step, entry).await
}

/// A user as records show him.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Face {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Address.
    #[serde(default, deserialize_with = "or_default")]
    pub email: String,
    /// Role.
    #[serde(default, deserialize_with = "or_default")]
    pub role: String,
    /// Address of his picture.
    pub profile_picture: Option<String>,
}

/// These users, less those who are gone.
pub async fn faces(store: &Store, ids: &[Id]) -> Result<Vec<Face>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let listed: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "projection": { "name": 1, "email": 1, "role": 1, "profilePicture": 1 }, "limit": ids.len() });
    store.find("users", json!({ "_id": { "$in": listed } }), rest).await
}

/// What a record points to, by id: documents of `collection` with these fields.
pub async fn linked(
    store: &Store,
    collection: &str,
    ids: &[Id],
    fields: &[&str],
) -> Result<Vec<Record>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let listed: Vec<Value> = ids.iter().copied().map(oid).collect();
    let projection: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), json!(1))).collect();
    let rest = json!({ "projection": projection, "limit": ids.len() });
    let found = store.find::<Value>(collection, json!({ "_id": { "$in": listed } }), rest).await?;
    Ok(found.into_iter().filter_map(record).collect())
}
