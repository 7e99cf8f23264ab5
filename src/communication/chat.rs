//! Chat lines inside a session.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    chat::{Draft, Line},
    paging::{Page, Pagination},
};
use durable::call_room::{RoomReply, RoomRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{NO_SESSION, NOT_YOURS, UserCard, ask, gone, unexpected};
use crate::{
    http::{
        body::{DataOnly, Envelope, data, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, JsonBody, QueryOf, RoomUser},
        validate::{Checks, Field},
    },
    state::Shared,
};

/// What a line takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct NewMessage {
    /// 1 to 1000 characters after trimming.
    message: String,
    /// `text`, `image`, `file` or `audio`.
    message_type: String,
    /// An https address.
    media_url: Option<String>,
    /// The line it answers.
    reply_to: Option<Id>,
}

/// The sender of a line just sent.
#[derive(Serialize, ToSchema)]
pub struct SenderName {
    pub(crate) id: Id,
    pub(crate) name: String,
}

/// A line just sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMessage {
    id: Id,
    sender: SenderName,
    message: String,
    message_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Id>,
    timestamp: Timestamp,
}

/// Where it was sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    session_id: Id,
    message: SentMessage,
}

/// Send a chat line.
#[utoipa::path(post, path = "/communication/chat/{sessionId}/message", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), request_body = NewMessage, responses(
    (status = 200, body = Envelope<Sent>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "The session is over, or the chat is full"),
))]
#[worker::send]
pub async fn send(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Sent>>> {
    let draft = draft(&body, None)?;
    match ask(&state, id, &RoomRequest::Say { user, draft }).await? {
        Some(RoomReply::Line(line)) => {
            Ok(envelope("Message sent", Sent { session_id: id, message: sent(line) }))
        }
        Some(_) => Err(unexpected()),
        None => Err(gone(&state, id, user).await),
    }
}

/// Texts only: an object or number where text belongs is an error of its own. `kind` is the type of a line that does not
/// say its own.
pub fn draft(body: &Map<String, Value>, kind: Option<&str>) -> ApiResult<Draft> {
    let mut checks = Checks::new(body);
    for field in ["message", "messageType", "mediaUrl", "replyTo"] {
        if let Field::Other(value) = checks.field(field)
            && !(value.is_null() && matches!(field, "mediaUrl" | "replyTo"))
        {
            checks.complain(field, "This must be text", Some(value.clone()));
        }
    }
    if let Some(errors) = checks.errors() {
        return Err(ApiError::Validation(errors));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let draft =
        Draft::check(text("message"), text("messageType").or(kind), text("mediaUrl"), text("replyTo"));
    draft.map_err(|complaints| {
        let mut checks = Checks::new(body);
        for (path, msg) in complaints {
            checks.complain(path, msg, body.get(path).cloned());
        }
        ApiError::Validation(checks.errors().unwrap_or_default())
    })
}

fn sent(line: Line) -> SentMessage {
    SentMessage {
        id: line.id,
        sender: SenderName { id: line.sender.id, name: line.sender.name },
        message: line.draft.message,
        message_type: line.draft.message_type.as_str(),
        media_url: line.draft.media_url,
        reply_to: line.draft.reply_to,
        timestamp: line.timestamp,
    }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From 1, the newest; clamped.
    pub(crate) page: Option<String>,
    /// 1 to 100, 50 when absent; clamped.
    pub(crate) limit: Option<String>,
}

/// A line of a page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedMessage {
    id: Id,
    sender: UserCard,
    message: String,
    message_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Id>,
    timestamp: Timestamp,
    is_edited: bool,
}

/// A page of the chat.
#[derive(Serialize, ToSchema)]
pub struct MessagePage {
    pub(crate) messages: Vec<ListedMessage>,
    pub(crate) pagination: Pagination,
}

/// Read the chat lines of a session. Page 1 is the newest; within a page the oldest comes first.
#[utoipa::path(get, path = "/communication/chat/{sessionId}/messages", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path), PageQuery), responses(
    (status = 200, body = DataOnly<MessagePage>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> ApiResult<Json<DataOnly<MessagePage>>> {
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 50);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let lines = RoomRequest::Lines { user, offset: size(page.offset()), limit: size(page.limit.into()) };
    match ask(&state, id, &lines).await? {
        Some(RoomReply::Lines { lines, total }) => {
            let pagination = page.of_total(u64::try_from(total).unwrap_or(u64::MAX));
            Ok(data(MessagePage { messages: lines.into_iter().map(listed).collect(), pagination }))
        }
        Some(_) => Err(unexpected()),
        None => recorded_page(&state, id, user, page).await.map(data),
    }
}

/// A line as it is listed.
pub fn listed(line: Line) -> ListedMessage {
    ListedMessage {
        id: line.id,
        sender: UserCard::new(line.sender.id, line.sender.name, line.sender.profile_picture),
        message: line.draft.message,
        message_type: line.draft.message_type.as_str().into(),
        media_url: line.draft.media_url,
        reply_to: line.draft.reply_to,
        timestamp: line.timestamp,
        is_edited: line.is_edited,
    }
}

async fn recorded_page(state: &Shared, id: Id, user: Id, page: Page) -> ApiResult<MessagePage> {
    let found =
        store::sessions::chat_page(&state.store, id, page.offset(), page.limit).await?.ok_or(NO_SESSION)?;
    if !found.participants.contains(&user) {
        return Err(NOT_YOURS);
    }
    let messages = found.lines.into_iter().map(|line| ListedMessage {
        id: line.id,
        sender: UserCard::recorded(line.sender, &found.people),
        message: line.message,
        message_type: line.message_type,
        media_url: line.media_url,
        reply_to: line.reply_to,
        timestamp: line.timestamp,
        is_edited: line.is_edited,
    });
    Ok(MessagePage { messages: messages.collect(), pagination: page.of_total(found.total) })
}
