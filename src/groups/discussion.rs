//! The discussion of a group: its start, its end, and leaving it.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    group::{Discussion, Group, GroupStatus},
    session::ParticipantRole,
};
use durable::group_room::GroupRequest;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ask_for_group;
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, JsonBody, RoomUser},
    },
    state::Shared,
};

/// How to discuss.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes one text")]
pub struct NewDiscussion {
    session_type: Discussion,
}

/// A discussion that began.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartedDiscussion {
    group_id: Id,
    session_type: Discussion,
    status: GroupStatus,
    started_at: Option<Timestamp>,
}

/// Start the discussion as host, once enough members are here.
#[utoipa::path(post, path = "/groups/{groupId}/start", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = NewDiscussion, responses(
    (status = 200, body = Envelope<StartedDiscussion>),
    (status = 400, body = ErrorBody, description = "Unknown sessionType, or too few participants"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not the host"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "It runs already, is over, or its settings do not allow this"),
))]
#[worker::send]
pub async fn start(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<StartedDiscussion>>> {
    const BAD_KIND: ApiError = ApiError::BadRequest("sessionType must be chat, voice or video");
    let kind = body.get("sessionType").and_then(Value::as_str).and_then(Discussion::from_text);
    let request = GroupRequest::Start { user, kind: kind.ok_or(BAD_KIND)? };
    let Group { discussion, status, .. } = ask_for_group(&state, id, &request).await?;
    let started = StartedDiscussion {
        group_id: id,
        session_type: discussion.kind,
        status,
        started_at: discussion.started_at,
    };
    Ok(envelope("The discussion has started", started))
}

/// A group that was left.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftGroup {
    group_id: Id,
    status: GroupStatus,
    was_host: bool,
}

/// Leave a group; the host thereby ends it. On one that is over nothing changes.
#[utoipa::path(post, path = "/groups/{groupId}/leave", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = Envelope<LeftGroup>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn leave(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<LeftGroup>>> {
    let group = ask_for_group(&state, id, &GroupRequest::Leave { user }).await?;
    // The host stays listed.
    let was_host = group.member(user).is_some_and(|member| member.role == ParticipantRole::Host);
    Ok(envelope("You left the group", LeftGroup { group_id: id, status: group.status, was_host }))
}

/// A discussion that ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndedDiscussion {
    group_id: Id,
    /// Seconds.
    duration: i64,
    ended_at: Option<Timestamp>,
}

/// End the group as host. On one that is over nothing changes.
#[utoipa::path(post, path = "/groups/{groupId}/end-session", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = Envelope<EndedDiscussion>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not the host"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn end(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<EndedDiscussion>>> {
    let Group { discussion, .. } = ask_for_group(&state, id, &GroupRequest::End { user }).await?;
    let ended =
        EndedDiscussion { group_id: id, duration: discussion.duration, ended_at: discussion.ended_at };
    Ok(envelope("The discussion is over", ended))
}
