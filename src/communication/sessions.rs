//! Live sessions, and their end.

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
use utoipa::ToSchema;

use super::{ask, recorded_member, unexpected};
use crate::{
    http::{
        body::{Envelope, NO_STORE, NoStore, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, RoomUser},
    },
    state::Shared,
};

/// A user under the key `_id`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmbeddedUser {
    #[serde(rename = "_id")]
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) email: &'static str,
    pub(super) profile_picture: Option<String>,
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
    let ended = end_all(&state, user).await?;
    let closed = Closed {
        count: ended.len(),
        cancelled_waiting: with_status(&ended, Status::Cancelled).collect(),
        completed_active: with_status(&ended, Status::Completed).collect(),
        updated_sessions: ended
            .iter()
            .map(|s| ClosedSession { id: s.id, status: s.status, session_type: s.session_type })
            .collect(),
    };
    Ok(envelope("Your sessions are closed", closed))
}

/// Ends all live sessions of a user.
async fn end_all(state: &Shared, user: Id) -> ApiResult<Vec<Session>> {
    match rpc::call::<UserHub>(&state.env, &user.to_string(), &HubRequest::EndAll { user }).await? {
        HubReply::Sessions(ended) => Ok(ended),
        HubReply::Unavailable => Err(ApiError::Unavailable("a room did not answer".into())),
        _ => Err(unexpected()),
    }
}

fn with_status(sessions: &[Session], status: Status) -> impl Iterator<Item = Id> {
    sessions.iter().filter(move |session| session.status == status).map(|session| session.id)
}

/// What became of a session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurgeAction {
    /// A wait was called off.
    DeletedWaiting,
    /// It is over for all.
    CompletedOrphan,
}

/// A session that was purged.
#[derive(Serialize, ToSchema)]
pub struct PurgedSession {
    id: Id,
    action: PurgeAction,
}

/// What was purged.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Purged {
    deleted_waiting: usize,
    detached_from: usize,
    completed_orphans: Vec<Id>,
    total_processed: usize,
    details: Vec<PurgedSession>,
}

/// Close all own live sessions, as the last step of the app's Cancel. Records stay as they are (x-defects).
#[utoipa::path(post, path = "/communication/sessions/purge-hard", tag = "communication", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Purged>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn purge(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
) -> ApiResult<Json<Envelope<Purged>>> {
    let ended = end_all(&state, user).await?;
    let completed_orphans: Vec<Id> = with_status(&ended, Status::Completed).collect();
    let purged = Purged {
        deleted_waiting: ended.len() - completed_orphans.len(),
        detached_from: completed_orphans.len(),
        total_processed: ended.len(),
        details: ended
            .iter()
            .map(|session| PurgedSession {
                id: session.id,
                action: if completed_orphans.contains(&session.id) {
                    PurgeAction::CompletedOrphan
                } else {
                    PurgeAction::DeletedWaiting
                },
            })
            .collect(),
        completed_orphans,
    };
    Ok(envelope("Your sessions are closed", purged))
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
