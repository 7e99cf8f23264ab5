//! One session in full, from its room while that is there, else from the record.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    session::{Participant, SessionType},
};
use durable::call_room::{RoomReply, RoomRequest};
use serde::Serialize;
use store::sessions::Recorded;
use utoipa::ToSchema;

use super::{UserCard, ask, matchmaking, recorded_member, sessions::EmbeddedUser, unexpected};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, IdPath},
    },
    state::Shared,
};

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
