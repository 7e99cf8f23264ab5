//! Documents of groups, as the old server wrote them, too.

use domain::{
    Id, Timestamp,
    chat::{Draft, Line, MessageType, Sender},
    group::{Discussion, DiscussionState, Former, Group, GroupSettings, GroupStatus, Member},
    session::ParticipantRole,
};
use serde::Deserialize;

use crate::{
    Store, StoreError,
    ejson::{Num, or_default, or_yes, yes},
    sessions::{Person, people},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(rename = "_id")]
    id: Id,
    #[serde(default, deserialize_with = "or_default")]
    title: String,
    #[serde(default, deserialize_with = "or_default")]
    topic: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    #[serde(default, deserialize_with = "or_default")]
    level: String,
    #[serde(default)]
    max_participants: Num,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) is_private: bool,
    pub(super) password: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    join_code: String,
    host: Option<Id>,
    #[serde(default, deserialize_with = "or_default")]
    participants: Vec<Entry>,
    #[serde(default, deserialize_with = "or_default")]
    former_participants: Vec<FormerEntry>,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    settings: Settings,
    #[serde(default, deserialize_with = "or_default")]
    group_session: GroupSession,
    region: Option<Id>,
    #[serde(default, deserialize_with = "or_default")]
    created_at: Timestamp,
    #[serde(default)]
    pub(super) room_revision: Num,
    #[serde(default, deserialize_with = "or_default")]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "_id")]
    id: Option<Id>,
    user: Option<Id>,
    #[serde(default, deserialize_with = "or_default")]
    role: String,
    #[serde(default, deserialize_with = "or_default")]
    joined_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FormerEntry {
    user: Id,
    joined_at: Timestamp,
    left_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(default = "yes", deserialize_with = "or_yes")]
    allow_video: bool,
    #[serde(default = "yes", deserialize_with = "or_yes")]
    allow_voice: bool,
    #[serde(default = "yes", deserialize_with = "or_yes")]
    allow_chat: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allow_video: true, allow_voice: true, allow_chat: true }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupSession {
    #[serde(rename = "_id")]
    id: Option<Id>,
    session_type: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    is_active: bool,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    #[serde(default)]
    duration: Num,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(rename = "_id")]
    id: Id,
    sender: Option<Id>,
    #[serde(default, deserialize_with = "or_default")]
    message: String,
    #[serde(default, deserialize_with = "or_default")]
    message_type: String,
    media_url: Option<String>,
    reply_to: Option<Id>,
    #[serde(default, deserialize_with = "or_default")]
    timestamp: Timestamp,
    #[serde(default, deserialize_with = "or_default")]
    is_edited: bool,
    #[serde(default, deserialize_with = "or_default")]
    is_deleted: bool,
}

/// Names of people by id; one who is gone keeps his id and gets a name that says so.
pub(super) struct Names(Vec<Person>);

impl Names {
    pub(super) async fn of(store: &Store, documents: &[Document]) -> Result<Self, StoreError> {
        let ids = documents.iter().flat_map(|document| {
            let members = document.participants.iter().filter_map(|entry| entry.user);
            let senders = document.messages.iter().filter_map(|message| message.sender);
            members.chain(senders).chain(document.host)
        });
        let mut ids: Vec<Id> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() { Ok(Self(Vec::new())) } else { people(store, &ids).await.map(Self) }
    }

    fn get(&self, id: Id) -> Sender {
        match self.0.iter().find(|person| person.id == id) {
            Some(person) => {
                Sender { id, name: person.name.clone(), profile_picture: person.profile_picture.clone() }
            }
            None => Sender { id, name: "Former user".into(), profile_picture: None },
        }
    }
}

impl Document {
    pub(super) fn group(&self, names: &Names) -> Group {
        let member = |entry: &Entry| {
            let user = entry.user?;
            let role =
                if entry.role == "host" { ParticipantRole::Host } else { ParticipantRole::Participant };
            let entry_id = entry.id.unwrap_or(user);
            Some(Member { entry: entry_id, user: names.get(user), role, joined_at: entry.joined_at })
        };
        let former = |entry: &FormerEntry| Former {
            user: entry.user,
            joined_at: entry.joined_at,
            left_at: entry.left_at,
        };
        let GroupSession { id, session_type, is_active, started_at, ended_at, duration } =
            &self.group_session;
        let kind = session_type.as_deref().and_then(Discussion::from_text).unwrap_or_default();
        let Settings { allow_video, allow_voice, allow_chat } = self.settings;
        Group {
            id: self.id,
            title: self.title.clone(),
            topic: self.topic.clone(),
            description: self.description.clone(),
            level: self.level.clone(),
            capacity: u16::try_from(self.max_participants.as_i64()).unwrap_or_default(),
            is_private: self.is_private,
            join_code: self.join_code.clone(),
            host: names.get(self.host.unwrap_or_else(|| Id::from([0; 12]))),
            members: self.participants.iter().filter_map(member).collect(),
            former: self.former_participants.iter().map(former).collect(),
            status: GroupStatus::from_text(&self.status).unwrap_or(GroupStatus::Completed),
            settings: GroupSettings { allow_video, allow_voice, allow_chat },
            discussion: DiscussionState {
                id: id.unwrap_or(self.id),
                kind,
                is_active: *is_active,
                started_at: *started_at,
                ended_at: *ended_at,
                duration: duration.as_i64(),
            },
            region: self.region,
            created_at: self.created_at,
        }
    }

    pub(super) fn lines(&self, names: &Names) -> Vec<Line> {
        let kept = self.messages.iter().filter(|message| !message.is_deleted);
        let line = |message: &Message| Line {
            id: message.id,
            sender: names.get(message.sender.unwrap_or_else(|| Id::from([0; 12]))),
            timestamp: message.timestamp,
            is_edited: message.is_edited,
            draft: Draft {
                message: message.message.clone(),
                message_type: MessageType::parse(&message.message_type).unwrap_or(MessageType::Text),
                media_url: message.media_url.clone(),
                reply_to: message.reply_to,
            },
        };
        kept.map(line).collect()
    }
}
