//! Entering a call that was set up, and what participants do with microphone and camera.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    session::{MediaChange, MediaState, Participant, SessionType, Status},
};
use durable::call_room::{RoomRefusal, RoomReply, RoomRequest};
use serde::Serialize;
use serde_json::{Map, Value};
use store::users::Account;
use utoipa::ToSchema;

use super::{NO_SESSION, ask, details::CallSettings, gone, matchmaking, refused, unexpected};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, JsonBody},
        form::Form,
    },
    state::Shared,
};

/// How somebody enters a call.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Entering {
    /// Yes when not given.
    mic_enabled: Option<bool>,
    /// As the type of the call has it when not given.
    camera_enabled: Option<bool>,
}

/// Somebody in a call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedParticipant {
    id: Id,
    role: &'static str,
    is_active: bool,
    mic_enabled: bool,
    camera_enabled: bool,
    joined_at: Timestamp,
}

/// A call that was joined.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedCall {
    session_id: Id,
    session_type: SessionType,
    title: String,
    status: Status,
    participants: Vec<JoinedParticipant>,
    call_settings: CallSettings,
}

/// Enter a call that was set up. The first one to enter makes it active; entering again is harmless.
#[utoipa::path(post, path = "/communication/call/{sessionId}/join", tag = "communication", security(("bearer" = [])),
    params(("sessionId" = Id, Path)), request_body = Entering, responses(
    (status = 200, body = Envelope<JoinedCall>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the call is over"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The paid gate is closed, or not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn join(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<JoinedCall>>> {
    if !gate_of_session(&state, &user.account, id).await? {
        return Err(refused(RoomRefusal::NotJoinable));
    }
    let fields = Form::new(&body).boolean("micEnabled").boolean("cameraEnabled").finish()?;
    let enter = RoomRequest::Enter { user: user.account.id, media: change(fields)? };
    let Some(RoomReply::Session(details)) = ask(&state, id, &enter).await? else { return Err(unexpected()) };
    let session = details.session;
    let joined = |entry: &Participant| JoinedParticipant {
        id: entry.user.id,
        role: entry.role.as_str(),
        is_active: entry.is_active(),
        mic_enabled: entry.media.mic_enabled,
        camera_enabled: entry.media.camera_enabled,
        joined_at: entry.joined_at,
    };
    let call = JoinedCall {
        session_id: session.id,
        session_type: session.session_type,
        title: session.title,
        status: session.status,
        participants: session.participants.iter().map(joined).collect(),
        call_settings: CallSettings::of(session.session_type),
    };
    Ok(envelope("You joined the call", call))
}

/// Lets pass whom the gate of the session's type lets pass. False: only the record knows the session.
pub(super) async fn gate_of_session(state: &Shared, account: &Account, id: Id) -> ApiResult<bool> {
    if let Some(RoomReply::Kind { session_type, .. }) = ask(state, id, &RoomRequest::Look).await? {
        matchmaking::gate(state, account, session_type).await?;
        return Ok(true);
    }
    let found = store::sessions::by_id(&state.store, id).await?.ok_or(NO_SESSION)?;
    if let Some(kind) = SessionType::from_text(&found.session_type) {
        matchmaking::gate(state, account, kind).await?;
    }
    Ok(false)
}

fn change(fields: Map<String, Value>) -> ApiResult<MediaChange> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| ApiError::Internal(error.to_string()))
}

/// A change of microphone, camera and voice.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct NewMedia {
    mic_enabled: Option<bool>,
    camera_enabled: Option<bool>,
    is_speaking: Option<bool>,
    /// 0 to 100.
    audio_level: Option<f64>,
    /// `low`, `medium` or `high`.
    video_quality: Option<String>,
}

/// The caller in a call.
#[derive(Serialize, ToSchema)]
pub struct OwnMedia {
    id: Id,
    #[serde(flatten)]
    media: MediaState,
}

/// How the caller is in a call now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedMedia {
    session_id: Id,
    participant: OwnMedia,
}

/// Change own microphone, camera and voice; what is not given stays.
#[utoipa::path(put, path = "/communication/call/{sessionId}/participant/state", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), request_body = NewMedia, responses(
    (status = 200, body = Envelope<ChangedMedia>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The paid gate is closed, or not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "The session is over"),
))]
#[worker::send]
pub async fn media(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<ChangedMedia>>> {
    let me = user.account.id;
    if !gate_of_session(&state, &user.account, id).await? {
        return Err(gone(&state, id, me).await);
    }
    let fields = Form::new(&body)
        .boolean("micEnabled")
        .boolean("cameraEnabled")
        .boolean("isSpeaking")
        .number("audioLevel", 0.0..=100.0)
        .choice("videoQuality", &["low", "medium", "high"])
        .finish()?;
    match ask(&state, id, &RoomRequest::Media { user: me, change: change(fields)? }).await? {
        Some(RoomReply::Media(media)) => {
            let participant = OwnMedia { id: me, media };
            Ok(envelope("Your state is changed", ChangedMedia { session_id: id, participant }))
        }
        Some(_) => Err(unexpected()),
        None => Err(gone(&state, id, me).await),
    }
}
