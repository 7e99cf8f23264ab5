//! From a voice call to a video call.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    session::{SessionType, VideoAnswer, VideoRequest},
};
use durable::call_room::{RoomRefusal, RoomReply, RoomRequest};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{ask as ask_room, gone, matchmaking, recorded_member, refused, unexpected};
use crate::{
    http::{
        body::{DataOnly, Envelope, MessageOnly, NO_STORE, NoStore, data, envelope, message},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, JsonBody, RoomUser},
        form::Form,
    },
    state::Shared,
};

/// Ask the partner of a voice call for video. The request is void after 60 s.
#[utoipa::path(post, path = "/communication/session/{sessionId}/request-video", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant, nobody to ask, or the paid gate is closed"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "No running voice call, or the partner asked first"),
))]
#[worker::send]
pub async fn ask(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    let me = user.account.id;
    // Who is a stranger learns nothing of gates.
    if ask_room(&state, id, &RoomRequest::VideoRequest { user: me }).await?.is_none() {
        return Err(gone(&state, id, me).await);
    }
    matchmaking::gate(&state, &user.account, SessionType::VideoCall).await?;
    match ask_room(&state, id, &RoomRequest::AskForVideo { user: me }).await? {
        Some(_) => Ok(message("Your partner is asked")),
        None => Err(gone(&state, id, me).await),
    }
}

/// An answer to a request for video.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct NewAnswer {
    /// Yes or no.
    accept: bool,
}

/// What became of the call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    upgraded: bool,
    session_type: SessionType,
}

/// Answer the partner's request. Accepted, the voice call becomes a video call; the gate holds for both sides.
#[utoipa::path(post, path = "/communication/session/{sessionId}/respond-video", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), request_body = NewAnswer, responses(
    (status = 200, body = Envelope<Answered>),
    (status = 400, body = ErrorBody, description = "accept is missing, or nobody asked"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant, or the paid gate is closed"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "The session is over"),
))]
#[worker::send]
pub async fn answer(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Answered>>> {
    let me = user.account.id;
    let open = match ask_room(&state, id, &RoomRequest::VideoRequest { user: me }).await? {
        Some(RoomReply::VideoRequest(open)) => open,
        Some(_) => return Err(unexpected()),
        None => return Err(gone(&state, id, me).await),
    };
    let fields = Form::new(&body).needs(&["accept"]).boolean("accept").finish()?;
    let accept = fields.get("accept").and_then(Value::as_bool).unwrap_or_default();
    if let Some(VideoRequest { from, .. }) = open.filter(|open| accept && open.to == me) {
        matchmaking::gate(&state, &user.account, SessionType::VideoCall).await?;
        if let Some(partner) = state.account(from).await? {
            matchmaking::gate(&state, &partner, SessionType::VideoCall).await?;
        }
    }
    match ask_room(&state, id, &RoomRequest::AnswerVideo { user: me, accept }).await? {
        Some(RoomReply::Session(details)) => {
            let session_type = details.session.session_type;
            Ok(envelope("Your answer is passed on", Answered { upgraded: accept, session_type }))
        }
        Some(_) => Err(unexpected()),
        None => Err(refused(RoomRefusal::Unknown)),
    }
}

/// A request that waits for the caller's answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingRequest {
    from: Id,
    requested_at: Timestamp,
}

/// How things stand with video.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoState {
    has_pending_request: bool,
    request: Option<PendingRequest>,
    /// What became of the caller's own request.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_request: Option<VideoAnswer>,
}

/// Look for a request of the partner, or for his answer to an own one.
#[utoipa::path(get, path = "/communication/session/{sessionId}/video-request", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), responses(
    (status = 200, body = DataOnly<VideoState>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn request(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<(NoStore, Json<DataOnly<VideoState>>)> {
    let open = match ask_room(&state, id, &RoomRequest::VideoRequest { user }).await? {
        Some(RoomReply::VideoRequest(open)) => open,
        Some(_) => return Err(unexpected()),
        None => recorded_member(&state, id, user).await.map(|_| None)?,
    };
    let shown = match open {
        None => VideoState::default(),
        Some(open) if open.from == user => {
            VideoState { own_request: Some(open.answer), ..VideoState::default() }
        }
        Some(VideoRequest { from, requested_at, .. }) => VideoState {
            has_pending_request: true,
            request: Some(PendingRequest { from, requested_at }),
            own_request: None,
        },
    };
    Ok((NO_STORE, data(shown)))
}
