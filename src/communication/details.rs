//! One session in full, from its room while that is there, else from the record.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    session::{MediaState, Participant, SessionType},
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

/// How a call is set up, less its signaling.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallSetup {
    #[serde(skip_serializing_if = "Option::is_none")]
    call_type: Option<&'static str>,
    is_group_call: bool,
    max_participants: u16,
    settings: CallSettings,
}

/// What participants may do, and how they come in.
#[expect(clippy::struct_excessive_bools, reason = "the contract's own switches")]
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallSettings {
    allow_screen_share: bool,
    allow_recording: bool,
    allow_chat: bool,
    mute_on_entry: bool,
    video_on_entry: bool,
    allow_participant_mute: bool,
    allow_participant_video: bool,
}

impl CallSettings {
    /// Groups come in muted.
    pub(super) fn of(session_type: SessionType) -> Self {
        let is_group = session_type.is_group();
        Self {
            allow_screen_share: true,
            allow_recording: false,
            allow_chat: true,
            mute_on_entry: is_group,
            video_on_entry: !is_group || session_type.has_video(),
            allow_participant_mute: true,
            allow_participant_video: true,
        }
    }
}

impl CallSetup {
    fn of(session_type: SessionType, max_participants: u16) -> Self {
        Self {
            call_type: session_type.call_type(),
            is_group_call: session_type.is_group(),
            max_participants,
            settings: CallSettings::of(session_type),
        }
    }

    /// Records do not tell how many might have come.
    fn recorded(session_type: &str, many: usize) -> Self {
        let kind = SessionType::from_text(session_type).unwrap_or(SessionType::Chat);
        Self::of(kind, u16::try_from(many.max(2)).unwrap_or(u16::MAX))
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

fn detailed(card: UserCard, role: String, is_active: bool, media: MediaState) -> DetailedParticipant {
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
            participant.media,
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
        call_session: CallSetup::of(session.session_type, session.capacity),
        chat_session: ChatCounters {
            total_messages: details.total_lines,
            last_message_at: details.last_line_at,
        },
        created_at: session.created_at,
    }
}

fn recorded(found: Recorded) -> SessionDetails {
    let setup = CallSetup::recorded(&found.session_type, found.participants.len());
    let media = MediaState::of(SessionType::from_text(&found.session_type).unwrap_or(SessionType::Chat));
    let participants = found.participants.into_iter().map(|participant| DetailedParticipant {
        joined_at: participant.joined_at,
        left_at: participant.left_at,
        duration: participant.duration.as_i64(),
        ..detailed(
            UserCard::recorded(participant.user, &found.people),
            participant.role,
            participant.is_active,
            media,
        )
    });
    SessionDetails {
        participants: participants.collect(),
        host: UserCard::recorded(found.host, &found.people),
        id: found.id,
        session_id: found.session_id,
        call_session: setup,
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
