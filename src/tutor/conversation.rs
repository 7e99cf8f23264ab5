//! Conversations: open, list, read, change, delete. Each only by its owner.

use axum::{Json, extract::State, http::StatusCode};
use domain::{Id, Timestamp, paging::Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::chats::{self, Analytics, Conversation, DEFAULT_TITLE, Message, Settings};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        error::{ApiError, ApiResult, ChatError, ChatResult, ErrorBody},
        extract::{AuthUser, JsonBody, QueryOf, TextPath},
        form::Form,
    },
    state::{AppState, Shared},
};

pub(super) const CATEGORIES: [&str; 7] =
    ["grammar", "pronunciation", "vocabulary", "writing", "speaking", "listening", "general"];
pub(super) const LEVELS: [&str; 3] = ["beginner", "intermediate", "advanced"];
const STATUSES: [&str; 3] = ["active", "completed", "archived"];
pub(super) const NO_CONVERSATION: ApiError = ApiError::NotFound("There is no such conversation");
pub(super) const NOT_CONFIGURED: ApiError =
    ApiError::NotAvailable("The AI tutor is not set up on this server yet");

/// A conversation in few words.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    id: Id,
    session_id: String,
    title: String,
    category: String,
    level: String,
    status: String,
    created_at: Timestamp,
}

/// An answer about one conversation.
#[derive(Serialize, ToSchema)]
pub struct About<T> {
    message: &'static str,
    conversation: T,
}

/// What opening takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct NewConversation {
    category: Option<String>,
    level: Option<String>,
    /// 1 to 100 characters.
    title: Option<String>,
}

fn text(fields: &Map<String, Value>, name: &str, otherwise: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or(otherwise).to_owned()
}

/// Open a conversation. An empty one with the same title is used again.
#[utoipa::path(post, path = "/chat/conversations", tag = "tutor", security(("bearer" = [])),
    request_body = NewConversation, responses(
    (status = 201, body = About<Opened>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 503, body = ErrorBody, description = "No model is set up"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ChatResult<(StatusCode, Json<About<Opened>>)> {
    let form =
        Form::new(&body).choice("category", &CATEGORIES).choice("level", &LEVELS).text("title", 1..=100);
    let fields = form.finish()?;
    if !state.model.is_configured() {
        return Err(NOT_CONFIGURED.into());
    }
    let title = text(&fields, "title", DEFAULT_TITLE);
    let (category, level) = (text(&fields, "category", "general"), text(&fields, "level", "intermediate"));
    let owner = user.account.id;
    let conversation = match chats::newest_empty(&state.store, owner, &title).await? {
        Some(empty) => reuse(&state, owner, empty, category, level).await?,
        None => insert(&state, owner, title, category, level).await?,
    };
    let opened = Opened {
        id: conversation.id,
        session_id: conversation.session_id,
        title: conversation.title,
        category: conversation.category,
        level: conversation.level,
        status: conversation.status,
        created_at: conversation.created_at,
    };
    Ok((StatusCode::CREATED, Json(About { message: "The conversation is open", conversation: opened })))
}

async fn reuse(
    state: &AppState,
    owner: Id,
    empty: Conversation,
    category: String,
    level: String,
) -> ApiResult<Conversation> {
    if empty.category != category || empty.level != level {
        let set = json!({ "category": category, "level": level }).as_object().cloned().unwrap_or_default();
        chats::update(&state.store, owner, empty.id, set, durable::now()).await?;
    }
    Ok(Conversation { category, level, ..empty })
}

async fn insert(
    state: &AppState,
    owner: Id,
    title: String,
    category: String,
    level: String,
) -> ApiResult<Conversation> {
    let now = durable::now();
    let new = Conversation {
        id: durable::new_id(),
        session_id: uuid(durable::random_bytes()),
        title,
        category,
        level,
        status: "active".into(),
        messages: Vec::new(),
        settings: Settings::default(),
        analytics: Analytics::default(),
        created_at: now,
        updated_at: now,
    };
    chats::insert(&state.store, owner, &new).await?;
    Ok(new)
}

/// A UUID of version 4 from random bytes.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Which conversations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `active`, `completed` or `archived`; all but archived ones when absent.
    status: Option<String>,
    /// 1 to 50.
    limit: Option<String>,
    /// From 1.
    page: Option<String>,
}

/// A conversation in the list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    id: Id,
    title: String,
    category: String,
    level: String,
    status: String,
    message_count: i64,
    last_activity: Timestamp,
    created_at: Timestamp,
}

/// Own conversations.
#[derive(Serialize, ToSchema)]
pub struct ConversationList {
    message: &'static str,
    conversations: Vec<Listed>,
    count: usize,
}

/// Own conversations, latest activity first.
#[utoipa::path(get, path = "/chat/conversations", tag = "tutor", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = ConversationList),
    (status = 400, body = ErrorBody, description = "The limit or status is wrong"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<ListQuery>,
) -> ChatResult<Json<ConversationList>> {
    let mut given = Map::new();
    given.extend(query.limit.map(|limit| ("limit".to_owned(), json!(limit))));
    given.extend(query.status.map(|status| ("status".to_owned(), json!(status))));
    let fields = Form::new(&given)
        .integer("limit", 1..=50)
        .choice("status", &STATUSES)
        .finish()
        .map_err(ApiError::in_query)?;
    let limit = fields.get("limit").and_then(Value::as_i64).unwrap_or(10);
    let page = Page::from_text(query.page.as_deref(), Some(&limit.to_string()), 10);
    let status = fields.get("status").and_then(Value::as_str);
    let found = chats::list(&state.store, user.account.id, status, page.offset(), page.limit).await?;
    let listed = |conversation: Conversation| Listed {
        id: conversation.id,
        title: conversation.title,
        category: conversation.category,
        level: conversation.level,
        status: conversation.status,
        message_count: conversation.analytics.total_messages.as_i64(),
        last_activity: conversation.analytics.last_activity.max(conversation.created_at),
        created_at: conversation.created_at,
    };
    let conversations: Vec<Listed> = found.into_iter().map(listed).collect();
    Ok(Json(ConversationList { message: "Your conversations", count: conversations.len(), conversations }))
}

/// A conversation with what was said in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whole {
    id: Id,
    session_id: String,
    title: String,
    category: String,
    level: String,
    status: String,
    messages: Vec<Message>,
    analytics: Analytics,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An own conversation; a malformed id is that of none.
pub(super) async fn find(state: &AppState, owner: Id, id: &str) -> ApiResult<Conversation> {
    let id = id.parse().map_err(|_| NO_CONVERSATION)?;
    chats::own(&state.store, owner, id).await?.ok_or(NO_CONVERSATION)
}

/// One own conversation, with its newest 500 messages.
#[utoipa::path(get, path = "/chat/conversations/{conversationId}", tag = "tutor", security(("bearer" = [])),
    params(("conversationId" = String, Path)), responses(
    (status = 200, body = About<Whole>),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
) -> ChatResult<Json<About<Whole>>> {
    let found = find(&state, user.account.id, &id).await?;
    let conversation = Whole {
        id: found.id,
        session_id: found.session_id,
        title: found.title,
        category: found.category,
        level: found.level,
        status: found.status,
        messages: found.messages,
        analytics: found.analytics,
        created_at: found.created_at,
        updated_at: found.updated_at,
    };
    Ok(Json(About { message: "The conversation", conversation }))
}

/// What can change.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct ConversationChange {
    title: Option<String>,
    category: Option<String>,
    level: Option<String>,
    status: Option<String>,
    settings: Option<Settings>,
}

/// A changed conversation.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    id: Id,
    title: String,
    category: String,
    level: String,
    status: String,
}

/// Rename, re-classify or archive an own conversation. Settings are merged.
#[utoipa::path(put, path = "/chat/conversations/{conversationId}", tag = "tutor", security(("bearer" = [])),
    params(("conversationId" = String, Path)), request_body = ConversationChange, responses(
    (status = 200, body = About<Changed>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn update(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ChatResult<Json<About<Changed>>> {
    let fields = Form::new(&body)
        .text("title", 1..=100)
        .choice("category", &CATEGORIES)
        .choice("level", &LEVELS)
        .choice("status", &STATUSES)
        .object("settings")
        .boolean("settings.includeExercises")
        .boolean("settings.includeGameRecommendations")
        .text("settings.language", 1..=20)
        .finish()?;
    let owner = user.account.id;
    let found = find(&state, owner, &id).await?;
    if !fields.is_empty() && !chats::update(&state.store, owner, found.id, fields, durable::now()).await? {
        return Err(NO_CONVERSATION.into());
    }
    let found = find(&state, owner, &id).await?;
    let conversation = Changed {
        id: found.id,
        title: found.title,
        category: found.category,
        level: found.level,
        status: found.status,
    };
    Ok(Json(About { message: "The conversation is saved", conversation }))
}

/// It is done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    message: &'static str,
}

/// Delete an own conversation for good.
#[utoipa::path(delete, path = "/chat/conversations/{conversationId}", tag = "tutor", security(("bearer" = [])),
    params(("conversationId" = String, Path)), responses(
    (status = 200, body = Done),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
) -> ChatResult<Json<Done>> {
    let id = id.parse().map_err(|_| ChatError::from(NO_CONVERSATION))?;
    if !chats::delete(&state.store, user.account.id, id).await? {
        return Err(NO_CONVERSATION.into());
    }
    Ok(Json(Done { message: "The conversation is deleted" }))
}
