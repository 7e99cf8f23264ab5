//! The `chats` collection: conversations with the tutor.

use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default},
};

const COLLECTION: &str = "chats";
/// The title of a conversation that nobody named yet.
pub const DEFAULT_TITLE: &str = "New Conversation";

/// A conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Conversation id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// UUID; no session.
    #[serde(default, deserialize_with = "or_default")]
    pub session_id: String,
    /// Title.
    #[serde(default = "default_title")]
    pub title: String,
    /// `grammar`, `pronunciation`, `vocabulary`, `writing`, `speaking`, `listening` or `general`.
    #[serde(default = "general")]
    pub category: String,
    /// `beginner`, `intermediate` or `advanced`.
    #[serde(default = "intermediate")]
    pub level: String,
    /// `active`, `completed` or `archived`.
    #[serde(default = "active")]
    pub status: String,
    /// What was said, oldest first; left out of lists.
    #[serde(default, deserialize_with = "or_default")]
    pub messages: Vec<Message>,
    /// What the tutor adds.
    #[serde(default, deserialize_with = "or_default")]
    pub settings: Settings,
    /// Counters.
    #[serde(default, deserialize_with = "or_default")]
    pub analytics: Analytics,
    /// Creation.
    #[serde(default)]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default)]
    pub updated_at: Timestamp,
}

/// What was said.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Message id; under this name on the wire, too.
    #[serde(rename(deserialize = "_id"))]
    pub id: Id,
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// The text.
    #[serde(default, deserialize_with = "or_default")]
    pub content: String,
    /// When.
    #[serde(default)]
    pub timestamp: Timestamp,
    /// About an answer of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// A turn that failed: kept for the reader, out of the model's sight.
    #[serde(default, deserialize_with = "or_default", skip_serializing)]
    #[schema(ignore)]
    pub failed: bool,
}

/// About an answer of the model.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time: Option<Num>,
    /// Of question and answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Num>,
    /// Said before, to somebody who asked the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// As it names itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Category of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Level of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// What the tutor adds.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Exercises.
    pub include_exercises: bool,
    /// Names of games.
    pub include_game_recommendations: bool,
    /// Stored only.
    pub language: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { include_exercises: true, include_game_recommendations: true, language: "en".into() }
    }
}

/// Counters of a conversation.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Analytics {
    /// Messages.
    #[serde(default)]
    pub total_messages: Num,
    /// Tokens.
    #[serde(default)]
    pub total_tokens_used: Num,
    /// Milliseconds.
    #[serde(default)]
    pub average_response_time: Num,
    /// Never filled.
    #[serde(default, deserialize_with = "or_default")]
    pub topics_discussed: Vec<String>,
    /// Last message.
    #[serde(default)]
    pub last_activity: Timestamp,
}

fn default_title() -> String {
    DEFAULT_TITLE.into()
}

fn general() -> String {
    "general".into()
}

fn intermediate() -> String {
    "intermediate".into()
}

fn active() -> String {
    "active".into()
}

/// Adds a conversation.
pub async fn insert(store: &Store, owner: Id, new: &Conversation) -> Result<(), StoreError> {
    let document = json!({
        "_id": oid(new.id), "userId": oid(owner), "sessionId": new.session_id, "title": new.title,
        "category": new.category, "level": new.level, "messages": [], "status": new.status,
        "settings": new.settings,
        "analytics": { "totalMessages": 0, "totalTokensUsed": 0, "averageResponseTime": 0, "topicsDiscussed": [],
            "lastActivity": date(new.created_at) },
        "createdAt": date(new.created_at), "updatedAt": date(new.created_at), "__v": 0,
    });
    store.insert_one(COLLECTION, document).await
}

/// The newest conversation that nothing was said in: it is used again instead of leaving many empty ones.
pub async fn newest_empty(store: &Store, owner: Id, title: &str) -> Result<Option<Conversation>, StoreError> {
    let filter = json!({ "userId": oid(owner), "status": "active", "title": title, "messages.0": { "$exists": false } });
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": 1 });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// One own conversation, with its newest messages.
pub async fn own(store: &Store, owner: Id, id: Id) -> Result<Option<Conversation>, StoreError> {
    let rest = json!({ "messages": { "$slice": -500 } });
    store.find_one(COLLECTION, json!({ "_id": oid(id), "userId": oid(owner) }), rest).await
}

/// Own conversations without messages, latest activity first; without a status all but archived ones.
pub async fn list(
    store: &Store,
    owner: Id,
    status: Option<&str>,
    skip: u64,
    limit: u32,
) -> Result<Vec<Conversation>, StoreError> {
    let status = status.map_or_else(|| json!({ "$ne": "archived" }), |status| json!(status));
    let rest = json!({ "sort": { "analytics.lastActivity": -1, "_id": -1 }, "skip": skip, "limit": limit,
        "projection": { "messages": 0 } });
    store.find(COLLECTION, json!({ "userId": oid(owner), "status": status }), rest).await
}

/// Changes fields of an own conversation. Says whether there is one.
pub async fn update(
    store: &Store,
    owner: Id,
    id: Id,
    mut set: Map<String, Value>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    set.insert("updatedAt".into(), date(now));
    let filter = json!({ "_id": oid(id), "userId": oid(owner) });
    Ok(store.update_one(COLLECTION, filter, json!({ "$set": set }), false).await?.matched() == 1)
}

/// Deletes an own conversation. Says whether there was one.
pub async fn delete(store: &Store, owner: Id, id: Id) -> Result<bool, StoreError> {
    let found = own(store, owner, id).await?.is_some();
    if found {
        store.delete_one(COLLECTION, json!({ "_id": oid(id), "userId": oid(owner) })).await?;
    }
    Ok(found)
}

/// A question and its answer.
pub struct Exchange<'a> {
    /// The learner's words.
    pub question: &'a Message,
    /// The tutor's.
    pub answer: &'a Message,
    /// The conversation's category from now on.
    pub category: &'a str,
    /// Its level.
    pub level: &'a str,
    /// Its title, if it gets one by this.
    pub title: Option<&'a str>,
}

/// Appends an exchange with its counters, in one step.
pub async fn append(
    store: &Store,
    id: Id,
    exchange: &Exchange<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let stored = |message: &Message| {
        let mut entry = json!({ "_id": oid(message.id), "role": message.role, "content": message.content,
            "timestamp": date(message.timestamp) });
        if let Some(entry) = entry.as_object_mut() {
            if let Some(metadata) = &message.metadata {
                entry.insert("metadata".into(), json!(metadata));
            }
            if message.failed {
                entry.insert("failed".into(), json!(true));
            }
        }
        entry
    };
    let metadata = exchange.answer.metadata.clone().unwrap_or_default();
    let (tokens, took) = (metadata.tokens.unwrap_or_default(), metadata.response_time);
    let old = |field: &str| json!({ "$ifNull": [field, 0] });
    let mut set = json!({
        "messages": { "$concatArrays": [{ "$ifNull": ["$messages", []] }, [stored(exchange.question), stored(exchange.answer)]] },
        "category": exchange.category,
        "level": exchange.level,
        "analytics.totalTokensUsed": { "$add": [old("$analytics.totalTokensUsed"), tokens] },
        "analytics.lastActivity": date(now),
        "updatedAt": date(now),
    });
    if let (Some(set), Some(title)) = (set.as_object_mut(), exchange.title) {
        set.insert("title".into(), json!({ "$literal": title }));
    }
    // The learner's words are data for the pipeline, too: a text that begins with a dollar sign must stay one.
    let timed = json!({ "$filter": { "input": "$messages", "as": "one", "cond": { "$gt": ["$$one.metadata.responseTime", null] } } });
    let mean =
        json!({ "$avg": { "$map": { "input": timed, "as": "one", "in": "$$one.metadata.responseTime" } } });
    let mut after = json!({ "analytics.totalMessages": { "$size": "$messages" } });
    if let (Some(after), true) = (after.as_object_mut(), took.is_some()) {
        after.insert("analytics.averageResponseTime".into(), json!({ "$floor": { "$add": [mean, 0.5] } }));
    }
    literal_texts(&mut set);
    let update = json!([{ "$set": set }, { "$set": after }]);
    store.update_one(COLLECTION, json!({ "_id": oid(id) }), update, false).await.map(drop)
}

/// Wraps the messages of a pipeline so that nothing in them is an expression.
fn literal_texts(set: &mut Value) {
    let new = set.pointer_mut("/messages/$concatArrays/1");
    if let Some(new) = new {
        *new = json!({ "$literal": new.take() });
    }
}

/// Totals over all own conversations.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Conversations.
    pub conversations: Num,
    /// Messages.
    pub messages: Num,
    /// Tokens.
    pub tokens: Num,
    /// Mean of the means of conversations with an answer, ms.
    pub response_time: Option<Num>,
    /// Categories in use.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Levels in use.
    #[serde(default)]
    pub levels: Vec<String>,
}

/// See [`Totals`].
pub async fn totals(store: &Store, owner: Id) -> Result<Totals, StoreError> {
    let time = "$analytics.averageResponseTime";
    let pipeline = json!([
        { "$match": { "userId": oid(owner) } },
        { "$group": { "_id": null, "conversations": { "$sum": 1 }, "messages": { "$sum": "$analytics.totalMessages" },
            "tokens": { "$sum": "$analytics.totalTokensUsed" },
            "responseTime": { "$avg": { "$cond": [{ "$gt": [time, 0] }, time, null] } },
            "categories": { "$addToSet": { "$ifNull": ["$category", "general"] } },
            "levels": { "$addToSet": { "$ifNull": ["$level", "intermediate"] } } } },
    ]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default())
}
