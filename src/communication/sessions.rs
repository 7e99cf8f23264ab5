//! Live sessions, their details, and their end.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    session::{EndReason, Participant, Session, SessionType, Status},
};
use durable::{
    UserHub,
    call_room::{RoomReply, RoomRequest},
    rpc,
    user_hub::{HubReply, HubRequest},
};
use serde::Serialize;
use store::sessions::Recorded;
use utoipa::ToSchema;

use super::{UserCard, ask, matchmaking, recorded_member, unexpected};
use crate::{
    http::{
        body::{DataOnly, Envelope, NO_STORE, NoStore, data, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, RoomUser},
    },
    state::Shared,
};

/// A user under the key `_id`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmbeddedUser {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: &'static str,
    profile_picture: Option<String>,
}

/// A participant of a live session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveParticipant {
    user: EmbeddedUser,
    role: &'static str,
    is_active: bool,
    joined_at: Timestamp,
}

/// A live session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveSession {
    #[serde(rename = "_id")]
    id: Id,
    session_id: String,
    session_type: SessionType,
    title: String,
    description: String,
    status: Status,
    participants: Vec<ActiveParticipant>,
    host: Option<EmbeddedUser>,
    scheduled_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// Live sessions.
#[derive(Serialize, ToSchema)]
pub struct ActiveSessions {
    sessions: Vec<ActiveSession>,
}

/// Own live sessions, newest first. Asking is a sign of life.
#[utoipa::path(get, path = "/communication/sessions/active", tag = "communication", security(("bearer" = [])),
    responses((status = 200, body = Envelope<ActiveSessions>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn active(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
) -> ApiResult<(NoStore, Json<Envelope<ActiveSessions>>)> {
    match rpc::call::<UserHub>(&state.env, &user.to_string(), &HubRequest::Live).await? {
        HubReply::Sessions(sessions) => {
            let sessions = sessions.into_iter().map(shown).collect();
            Ok((NO_STORE, envelope("Your live sessions", ActiveSessions { sessions })))
        }
        _ => Err(unexpected()),
    }
}

fn embedded(participant: &Participant) -> EmbeddedUser {
    let user = &participant.user;
    EmbeddedUser { id: user.id, name: user.name.clone(), email: "", profile_picture: user.picture.clone() }
}

fn shown(session: Session) -> ActiveSession {
    let participants = session.participants.iter().map(|participant| ActiveParticipant {
        user: embedded(participant),
        role: participant.role.as_str(),
        is_active: participant.is_active(),
        joined_at: participant.joined_at,
    });
    ActiveSession {
        participants: participants.collect(),
        host: session.host().map(embedded),
        id: session.id,
        session_id: session.key,
        session_type: session.session_type,
        title: session.title,
        description: session.description,
        status: session.status,
        scheduled_at: session.created_at,
        started_at: session.started_at,
        created_at: session.created_at,
    }
}

/// A session that was closed.
#[derive(Serialize, ToSchema)]
pub struct ClosedSession {
    id: Id,
    status: Status,
    #[serde(rename = "type")]
    session_type: SessionType,
}

/// What was closed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    count: usize,
    cancelled_waiting: Vec<Id>,
    completed_active: Vec<Id>,
    updated_sessions: Vec<ClosedSession>,
}

/// Close all own live sessions.
#[utoipa::path(post, path = "/communication/sessions/cancel-all", tag = "communication", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Closed>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn cancel_all(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
) -> ApiResult<Json<Envelope<Closed>>> {
    match rpc::call::<UserHub>(&state.env, &user.to_string(), &HubRequest::EndAll { user }).await? {
        HubReply::Sessions(ended) => {
            let with = |status| ended.iter().filter(move |s| s.status == status).map(|s| s.id).collect();
            let closed = Closed {
                count: ended.len(),
                cancelled_waiting: with(Status::Cancelled),
                completed_active: with(Status::Completed),
                updated_sessions: ended
                    .iter()
                    .map(|s| ClosedSession { id: s.id, status: s.status, session_type: s.session_type })
                    .collect(),
            };
            Ok(envelope("Your sessions are closed", closed))
        }
        HubReply::Unavailable => Err(ApiError::Unavailable("a room did not answer".into())),
        _ => Err(unexpected()),
    }
}

/// A participant of a session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailedParticipant {
    #[serde(flatten)]
    card: UserCard,
    role: String,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_at: Option<Timestamp>,
    duration: i64,
    #[serde(flatten)]
    media: MediaState,
    /// The card once more under the key that the app's chat looks for.
    user: EmbeddedUser,
}

/// Microphone and camera, as they are in the record: what they are right now is not kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaState {
    mic_enabled: bool,
    camera_enabled: bool,
    is_speaking: bool,
    audio_level: u8,
    video_quality: &'static str,
}

impl MediaState {
    fn of(session_type: &str) -> Self {
        let camera_enabled = session_type.contains("video");
        Self { mic_enabled: true, camera_enabled, is_speaking: false, audio_level: 0, video_quality: "high" }
    }
}

/// How a call is set up, less its signaling.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallSetup {
    #[serde(skip_serializing_if = "Option::is_none")]
    call_type: Option<&'static str>,
    is_group_call: bool,
    max_participants: u8,
    settings: CallSettings,
}

/// What participants may do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallSettings {
    allow_chat: bool,
}

impl CallSetup {
    fn of(session_type: &str) -> Self {
        let call_type = matchmaking::session_type(session_type).and_then(SessionType::call_type);
        let settings = CallSettings { allow_chat: true };
        Self { call_type, is_group_call: false, max_participants: 2, settings }
    }
}

/// Counters of the chat.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatCounters {
    total_messages: usize,
    last_message_at: Option<Timestamp>,
}

/// A session in full, less signaling and chat lines.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionDetails {
    id: Id,
    session_id: String,
    session_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    host: UserCard,
    participants: Vec<DetailedParticipant>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    duration: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<Id>,
    call_session: CallSetup,
    chat_session: ChatCounters,
    created_at: Timestamp,
}

/// One session.
#[derive(Serialize, ToSchema)]
pub struct OneSession {
    session: SessionDetails,
}

/// Read one session as its participant.
#[utoipa::path(get, path = "/communication/session/{sessionId}", tag = "communication", security(("bearer" = [])),
    params(("sessionId" = Id, Path)), responses(
    (status = 200, body = DataOnly<OneSession>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant, or the paid gate is closed"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn details(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<DataOnly<OneSession>>> {
    let read = RoomRequest::Read { user: user.account.id };
    let session = match ask(&state, id, &read).await? {
        Some(RoomReply::Session(details)) => {
            let kind = details.session.session_type;
            // Whoever is in a call may look at it to its end, whatever becomes of his subscription.
            if details.session.status.is_final() {
                matchmaking::gate(&state, &user.account, kind).await?;
            }
            live(*details)
        }
        Some(_) => return Err(unexpected()),
        None => {
            let found = recorded_member(&state, id, user.account.id).await?;
            if let Some(kind) = matchmaking::session_type(&found.session_type) {
                matchmaking::gate(&state, &user.account, kind).await?;
            }
            recorded(found)
        }
    };
    Ok(data(OneSession { session }))
}

fn detailed(card: UserCard, role: String, is_active: bool, session_type: &str) -> DetailedParticipant {
    let media = MediaState::of(session_type);
    let user = EmbeddedUser {
        id: card.id,
        name: card.name.clone(),
        email: "",
        profile_picture: card.profile_picture.clone(),
    };
    DetailedParticipant { card, role, is_active, joined_at: None, left_at: None, duration: 0, media, user }
}

fn live(details: durable::call_room::Details) -> SessionDetails {
    let session = details.session;
    let card = |participant: &Participant| {
        let user = &participant.user;
        UserCard::new(user.id, user.name.clone(), user.picture.clone())
    };
    let participants = session.participants.iter().map(|participant| DetailedParticipant {
        joined_at: Some(participant.joined_at),
        left_at: participant.left_at,
        duration: participant.duration,
        ..detailed(
            card(participant),
            participant.role.as_str().into(),
            participant.is_active(),
            session.session_type.as_str(),
        )
    });
    SessionDetails {
        participants: participants.collect(),
        host: session.host().map_or_else(|| UserCard::recorded(None, &[]), card),
        id: session.id,
        session_id: session.key,
        session_type: session.session_type.as_str().into(),
        title: Some(session.title),
        description: Some(session.description),
        status: session.status.as_str().into(),
        scheduled_at: Some(session.created_at),
        started_at: session.started_at,
        ended_at: session.ended_at,
        duration: session.duration,
        ended_by: session.ended_by,
        call_session: CallSetup::of(session.session_type.as_str()),
        chat_session: ChatCounters {
            total_messages: details.total_lines,
            last_message_at: details.last_line_at,
        },
        created_at: session.created_at,
    }
}

fn recorded(found: Recorded) -> SessionDetails {
    let kind = found.session_type.clone();
    let participants = found.participants.into_iter().map(|participant| DetailedParticipant {
        joined_at: participant.joined_at,
        left_at: participant.left_at,
        duration: participant.duration.as_i64(),
        ..detailed(
            UserCard::recorded(participant.user, &found.people),
            participant.role,
            participant.is_active,
            &kind,
        )
    });
    SessionDetails {
        participants: participants.collect(),
        host: UserCard::recorded(found.host, &found.people),
        id: found.id,
        session_id: found.session_id,
        call_session: CallSetup::of(&kind),
        session_type: found.session_type,
        title: found.title,
        description: found.description,
        status: found.status,
        scheduled_at: found.scheduled_at,
        started_at: found.started_at,
        ended_at: found.ended_at,
        duration: found.duration.as_i64(),
        ended_by: None,
        chat_session: ChatCounters {
            total_messages: usize::try_from(found.chat_session.total_messages.as_i64()).unwrap_or(0),
            last_message_at: found.chat_session.last_message_at,
        },
        created_at: found.created_at.unwrap_or(Timestamp::from_millis(0)),
    }
}

/// The end of a session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    session_id: Id,
    status: String,
    duration: i64,
}

/// Leave a chat or call, and thereby end it. On one that is over already nothing changes.
#[utoipa::path(post, path = "/communication/call/{sessionId}/leave", tag = "communication", security(("bearer" = [])),
    params(("sessionId" = Id, Path)), responses(
    (status = 200, body = Envelope<Ended>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn leave(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Ended>>> {
    let ended = match ask(&state, id, &RoomRequest::Leave { user, reason: EndReason::Left }).await? {
        Some(RoomReply::Session(details)) => {
            let session = details.session;
            Ended { session_id: id, status: session.status.as_str().into(), duration: session.duration }
        }
        Some(_) => return Err(unexpected()),
        None => {
            let found = recorded_member(&state, id, user).await?;
            Ended { session_id: id, status: found.status, duration: found.duration.as_i64() }
        }
    };
    Ok(envelope("You left the session", ended))
}

/// Makes a room panic, for a test.
#[cfg(feature = "fault-injection")]
#[worker::send]
pub async fn panic(
    State(state): State<Shared>,
    RoomUser(_): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<crate::http::body::Ok>> {
    ask(&state, id, &RoomRequest::Panic).await?;
    Ok(crate::http::body::ok())
}
