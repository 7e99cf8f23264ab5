//! The `sessions` collection: the record of calls and chats. Rooms write it; everybody else reads it after a room is gone.

use domain::{
    Id, Timestamp,
    chat::Line,
    session::{Participant, Session},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default, or_yes, yes},
};

pub(crate) const COLLECTION: &str = "sessions";

/// Writes the record of a session and the chat lines that it does not hold yet. Repeating it changes nothing, so a room
/// may write until it is told that the write arrived. `revision` grows with every change: a write that was held up on
/// its way never overwrites a later one.
pub async fn record(
    store: &Store,
    session: &Session,
    lines: &[Line],
    total_lines: usize,
    revision: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut set = Map::new();
    let mut put = |key: &str, value: Value| set.insert(key.to_owned(), value);
    put("participants", session.participants.iter().map(participant).collect());
    put("status", json!(session.status));
    put("givesPoints", json!(session.gives_points()));
    put("sessionType", json!(session.session_type));
    if let Some(kind) = session.session_type.call_type() {
        put("callSession.callType", json!(kind));
    }
    put("duration", json!(session.duration));
    put("updatedAt", date(now));
    put("roomRevision", json!(revision));
    for (key, time) in [("startedAt", session.started_at), ("endedAt", session.ended_at)] {
        if let Some(time) = time {
            put(key, date(time));
        }
    }
    if let Some(by) = session.ended_by {
        put("endedBy", oid(by));
        put("endReason", json!(session.end_reason));
    }
    let mut update = Map::new();
    if total_lines > 0 {
        put("chatSession.totalMessages", json!(total_lines));
        if let Some(last) = lines.last() {
            put("chatSession.lastMessageAt", date(last.timestamp));
        }
        let each: Vec<Value> = lines.iter().map(message).collect();
        // A line that is there already, byte for byte, is not added again.
        update.insert("$addToSet".into(), json!({ "chatSession.messages": { "$each": each } }));
    }
    update.insert("$set".into(), Value::Object(set));
    update.insert("$setOnInsert".into(), fixed_fields(session, total_lines == 0));
    let not_later = json!({ "_id": oid(session.id), "roomRevision": { "$not": { "$gt": revision } } });
    match store.update_one(COLLECTION, not_later, Value::Object(update), true).await {
        // A later write is there already: the filter misses it, and a second document cannot be.
        Err(StoreError::Duplicate(_)) => Ok(()),
        answer => answer.map(drop),
    }
}

/// What never changes, with the defaults that readers of the collection expect.
fn fixed_fields(session: &Session, without_lines: bool) -> Value {
    let is_group = session.session_type.is_group();
    let mut fields = json!({
        "sessionId": session.key,
        "title": session.title,
        "description": session.description,
        "host": session.host().map(|host| oid(host.user.id)),
        "hostRegion": oid(session.region),
        "scheduledAt": date(session.created_at),
        "callSession.isGroupCall": is_group,
        "callSession.maxParticipants": session.capacity,
        "callSession.callQuality": "good",
        "callSession.connectionType": "wifi",
        "callSession.isRecorded": false,
        "callSession.quality": "high",
        "callSession.settings": { "allowScreenShare": true, "allowRecording": false, "allowChat": true,
            "muteOnEntry": is_group, "videoOnEntry": !is_group || session.session_type.has_video(),
            "allowParticipantMute": true, "allowParticipantVideo": true },
        "isPrivate": false,
        "requiresSubscription": false,
        "createdAt": date(session.created_at),
        "__v": 0,
    });
    if let (true, Some(fields)) = (without_lines, fields.as_object_mut()) {
        fields.insert("chatSession".into(), json!({ "messages": [], "totalMessages": 0 }));
    }
    fields
}

fn participant(participant: &Participant) -> Value {
    let media = participant.media;
    let mut entry = json!({
        "_id": oid(participant.entry),
        "user": oid(participant.user.id),
        "role": participant.role,
        "joinedAt": date(participant.joined_at),
        "duration": participant.duration,
        "isActive": participant.is_active(),
        "entered": participant.entered,
        "micEnabled": media.mic_enabled,
        "cameraEnabled": media.camera_enabled,
        "isSpeaking": false,
        "audioLevel": 0,
        "videoQuality": media.video_quality,
        "isScreenSharing": false,
        "connectionQuality": "good",
    });
    if let (Some(left), Some(entry)) = (participant.left_at, entry.as_object_mut()) {
        entry.insert("leftAt".into(), date(left));
    }
    entry
}

pub(crate) fn message(line: &Line) -> Value {
    let mut entry = json!({
        "_id": oid(line.id),
        "sender": oid(line.sender.id),
        "message": line.draft.message,
        "messageType": line.draft.message_type,
        "timestamp": date(line.timestamp),
        "isRead": false,
        "isEdited": false,
        "isDeleted": false,
    });
    if let Some(entry) = entry.as_object_mut() {
        if let Some(url) = &line.draft.media_url {
            entry.insert("mediaUrl".into(), json!(url));
        }
        if let Some(reply) = line.draft.reply_to {
            entry.insert("replyTo".into(), oid(reply));
        }
    }
    entry
}

/// A recorded session, with the users it points to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Session id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Readable key.
    #[serde(default)]
    pub session_id: String,
    /// Kind, of any of the nine.
    #[serde(default)]
    pub session_type: String,
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Host.
    pub host: Option<Id>,
    /// Everybody who was in.
    #[serde(default, deserialize_with = "or_default")]
    pub participants: Vec<RecordedParticipant>,
    /// State.
    #[serde(default)]
    pub status: String,
    /// Planned or queued.
    pub scheduled_at: Option<Timestamp>,
    /// Start.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Option<Timestamp>,
    /// Seconds.
    #[serde(default)]
    pub duration: Num,
    /// Chat counters.
    #[serde(default, deserialize_with = "or_default")]
    pub chat_session: RecordedChat,
    /// Creation.
    pub created_at: Option<Timestamp>,
    /// Names and pictures of host and participants.
    #[serde(default)]
    pub people: Vec<Person>,
}

/// A participant of a recorded session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedParticipant {
    /// Who.
    pub user: Option<Id>,
    /// Role.
    #[serde(default = "participant_role")]
    pub role: String,
    /// In until the end, or not.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// When he came.
    pub joined_at: Option<Timestamp>,
    /// When he left.
    pub left_at: Option<Timestamp>,
    /// Seconds.
    #[serde(default)]
    pub duration: Num,
}

// The defaults that the old server filled in while reading.
fn participant_role() -> String {
    "participant".into()
}

fn text() -> String {
    "text".into()
}

/// The chat of a recorded session, less its lines.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedChat {
    /// Count of lines.
    #[serde(default)]
    pub total_messages: Num,
    /// Newest line.
    pub last_message_at: Option<Timestamp>,
}

/// A user as others see him.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Account.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default)]
    pub name: String,
    /// Picture address.
    pub profile_picture: Option<String>,
}

/// The record of a session, without its chat lines.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Recorded>, StoreError> {
    let pipeline = json!([
        { "$match": { "_id": oid(id) } },
        { "$project": { "chatSession.messages": 0, "gameSession": 0, "lectureSession": 0, "callSession": 0 } },
        { "$limit": 1 },
    ]);
    let Some(mut found) = store.aggregate::<Recorded>(COLLECTION, pipeline).await?.pop() else {
        return Ok(None);
    };
    let ids: Vec<Id> = found.participants.iter().filter_map(|p| p.user).chain(found.host).collect();
    found.people = people(store, &ids).await?;
    Ok(Some(found))
}

/// Names and pictures of some users.
pub async fn people(store: &Store, ids: &[Id]) -> Result<Vec<Person>, StoreError> {
    let ids: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "projection": { "name": 1, "profilePicture": 1 }, "limit": ids.len().max(1) });
    store.find("users", json!({ "_id": { "$in": ids } }), rest).await
}

/// A recorded chat line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedLine {
    /// Line id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Who said it.
    pub sender: Option<Id>,
    /// What.
    #[serde(default)]
    pub message: String,
    /// Kind.
    #[serde(default = "text")]
    pub message_type: String,
    /// An address.
    pub media_url: Option<String>,
    /// The line it answers.
    pub reply_to: Option<Id>,
    /// When.
    pub timestamp: Timestamp,
    /// Changed later.
    #[serde(default)]
    pub is_edited: bool,
}

/// A page of recorded lines.
#[derive(Debug)]
pub struct RecordedPage {
    /// Everybody who was in the session.
    pub participants: Vec<Id>,
    /// Oldest first.
    pub lines: Vec<RecordedLine>,
    /// Count of lines that are not deleted.
    pub total: u64,
    /// Names and pictures of the senders.
    pub people: Vec<Person>,
}

/// A page of the chat of a recorded session: page 1 holds the newest lines, oldest first within the page.
pub async fn chat_page(
    store: &Store,
    id: Id,
    offset: u64,
    limit: u32,
) -> Result<Option<RecordedPage>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(default)]
        participants: Vec<Id>,
        #[serde(default)]
        lines: Vec<RecordedLine>,
        #[serde(default)]
        total: Num,
    }
    let kept = json!({ "$filter": { "input": { "$ifNull": ["$chatSession.messages", []] }, "as": "line",
        "cond": { "$ne": ["$$line.isDeleted", true] } } });
    let pipeline = json!([
        { "$match": { "_id": oid(id) } },
        { "$project": { "kept": kept, "participants": { "$map": {
            "input": { "$ifNull": ["$participants", []] }, "as": "one", "in": "$$one.user" } } } },
        { "$project": { "participants": 1, "total": { "$size": "$kept" },
            // Newest first, then the page, then oldest first again.
            "lines": { "$reverseArray": { "$slice": [{ "$reverseArray": "$kept" }, offset, limit] } } } },
    ]);
    let Some(found) = store.aggregate::<Found>(COLLECTION, pipeline).await?.pop() else { return Ok(None) };
    let senders: Vec<Id> = found.lines.iter().filter_map(|line| line.sender).collect();
    let people = if senders.is_empty() { Vec::new() } else { people(store, &senders).await? };
    Ok(Some(RecordedPage {
        participants: found.participants,
        lines: found.lines,
        total: u64::try_from(found.total.as_i64()).unwrap_or(0),
        people,
    }))
}
