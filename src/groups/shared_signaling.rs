//! The same signaling under the address and with the bodies of calls, for the app's wrappers; the addressee is `to`.

use axum::{Json, extract::State};
use domain::{Id, mesh::Signal};
use durable::group_room::GroupRequest;
use utoipa::ToSchema;

use super::{
    ask,
    signaling::{GroupSnapshotData, candidate, pass_on, sdp, snapshot},
};
use crate::{
    http::{
        body::{DataOnly, NoStore, Ok as Done, ok},
        error::{ApiResult, ErrorBody},
        extract::{IdPath, JsonBody, RoomUser},
    },
    state::Shared,
};

/// Read the offers, answers and candidates that are for the caller.
#[utoipa::path(get, path = "/communication/group/{groupId}/webrtc", tag = "communication", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = DataOnly<GroupSnapshotData>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn read(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<(NoStore, Json<DataOnly<GroupSnapshotData>>)> {
    snapshot(&state, id, user).await
}

/// A session description for a member.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it takes its parts")]
pub struct GroupDescription {
    /// `offer` or `answer`, as the route says; may be left out.
    r#type: Option<String>,
    /// At most 64 KiB.
    sdp: String,
    /// The only other member when not given.
    to: Option<Id>,
}

/// Send an offer to a member; the older one of the pair, and its answer, are void.
#[utoipa::path(post, path = "/communication/group/{groupId}/webrtc/offer", tag = "communication", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = GroupDescription, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the addressee"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn offer(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Done>> {
    let sdp = sdp(Some(&body), "offer")?;
    pass_on(&state, id, user, body.get("to"), Signal::Offer { sdp }).await?;
    Ok(ok())
}

/// Send an answer to a member.
#[utoipa::path(post, path = "/communication/group/{groupId}/webrtc/answer", tag = "communication", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = GroupDescription, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the addressee"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn answer(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Done>> {
    let sdp = sdp(Some(&body), "answer")?;
    pass_on(&state, id, user, body.get("to"), Signal::Answer { sdp }).await?;
    Ok(ok())
}

/// A candidate for a member.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes its parts")]
pub struct GroupCandidate {
    /// At most 2 KiB.
    candidate: String,
    sdp_mid: Option<String>,
    sdp_m_line_index: Option<u16>,
    /// The only other member when not given.
    to: Option<Id>,
}

/// Send a candidate to a member.
#[utoipa::path(post, path = "/communication/group/{groupId}/webrtc/ice", tag = "communication", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = GroupCandidate, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the addressee"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn ice(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Done>> {
    pass_on(&state, id, user, body.get("to"), candidate(&body)?).await?;
    Ok(ok())
}

/// Forget what the caller sent.
#[utoipa::path(post, path = "/communication/group/{groupId}/webrtc/clear", tag = "communication", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn clear(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Done>> {
    ask(&state, id, &GroupRequest::ClearSignals { user }).await?;
    Ok(ok())
}
