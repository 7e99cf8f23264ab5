//! Chat lines inside a group.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, paging::Page};
use durable::group_room::{GroupReply, GroupRequest};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ask, unexpected};
use crate::{
    communication::chat::{MessagePage, PageQuery, SenderName, draft, listed},
    http::{
        body::{DataOnly, Envelope, NO_STORE, NoStore, data, envelope},
        error::{ApiResult, ErrorBody},
        extract::{IdPath, JsonBody, QueryOf, RoomUser},
    },
    state::Shared,
};

/// What a line takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct NewGroupMessage {
    /// 1 to 1000 characters after trimming.
    message: String,
    /// `text` (default), `image`, `file` or `audio`.
    message_type: Option<String>,
}

/// A line just sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentGroupMessage {
    id: Id,
    sender: SenderName,
    message: String,
    message_type: &'static str,
    timestamp: Timestamp,
}

/// It, in its place.
#[derive(Serialize, ToSchema)]
pub struct SentToGroup {
    message: SentGroupMessage,
}

/// Send a chat line to the group.
#[utoipa::path(post, path = "/groups/{groupId}/message", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = NewGroupMessage, responses(
    (status = 200, body = Envelope<SentToGroup>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group, or its chat is switched off"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over, or the chat is full"),
))]
#[worker::send]
pub async fn say(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<SentToGroup>>> {
    let draft = draft(&body, Some("text"))?;
    let GroupReply::Line(line) = ask(&state, id, &GroupRequest::Say { user, draft }).await? else {
        return Err(unexpected());
    };
    let message = SentGroupMessage {
        id: line.id,
        sender: SenderName { id: line.sender.id, name: line.sender.name },
        message: line.draft.message,
        message_type: line.draft.message_type.as_str(),
        timestamp: line.timestamp,
    };
    Ok(envelope("Message sent", SentToGroup { message }))
}

/// Read the chat lines of the group. Page 1 is the newest; within a page the oldest comes first.
#[utoipa::path(get, path = "/groups/{groupId}/messages", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path), PageQuery), responses(
    (status = 200, body = DataOnly<MessagePage>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> ApiResult<(NoStore, Json<DataOnly<MessagePage>>)> {
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 50);
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let request = GroupRequest::Lines { user, offset: size(page.offset()), limit: size(page.limit.into()) };
    let GroupReply::Lines { lines, total } = ask(&state, id, &request).await? else {
        return Err(unexpected());
    };
    let pagination = page.of_total(u64::try_from(total).unwrap_or(u64::MAX));
    Ok((NO_STORE, data(MessagePage { messages: lines.into_iter().map(listed).collect(), pagination })))
}
