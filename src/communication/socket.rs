//! The socket of a room: one hop, straight to the object that owns it. docs/realtime.md has the protocol.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
};
use domain::{Id, Timestamp};
use durable::{
    CallRoom,
    call_room::{RoomReply, RoomRequest, SocketRequest},
    rpc,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{NO_SESSION, ask, turn, unexpected};
use crate::{
    http::{
        body::{DataOnly, Upgrade, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, QueryOf, RoomUser, claims},
    },
    state::Shared,
};

/// A ticket.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomTicket {
    ticket: String,
    expires_at: Timestamp,
}

/// Get a ticket that opens the socket of one room for a minute: for browsers, which cannot send headers with it.
#[utoipa::path(post, path = "/communication/session/{sessionId}/ticket", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), responses(
    (status = 200, body = DataOnly<RoomTicket>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such live session"),
))]
#[worker::send]
pub async fn ticket(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<DataOnly<RoomTicket>>> {
    match ask(&state, id, &RoomRequest::Read { user }).await? {
        Some(RoomReply::Session(_)) => {
            let (ticket, expires_at) = state.tokens.issue_ticket(user, id, durable::now())?;
            Ok(data(RoomTicket { ticket, expires_at }))
        }
        Some(_) => Err(unexpected()),
        None => Err(NO_SESSION),
    }
}

/// How a browser proves who it is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SocketQuery {
    /// A ticket, instead of the header.
    ticket: Option<String>,
}

/// Open the socket of a room (WebSocket upgrade).
#[utoipa::path(get, path = "/communication/session/{sessionId}/socket", tag = "communication",
    params(("sessionId" = Id, Path), SocketQuery), responses(
    (status = 101, description = "The socket is open"),
    (status = 400, body = ErrorBody, description = "The id is malformed, or this is no upgrade"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant, or a ticket of another room"),
    (status = 404, body = ErrorBody, description = "No such live session"),
))]
#[worker::send]
pub async fn open(
    State(state): State<Shared>,
    IdPath(id): IdPath,
    QueryOf(query): QueryOf<SocketQuery>,
    headers: HeaderMap,
) -> ApiResult<Upgrade> {
    let is_upgrade =
        headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !is_upgrade {
        return Err(ApiError::BadRequest("This address is for a WebSocket"));
    }
    let user = match query.ticket {
        Some(ticket) => {
            let ticket = state.tokens.check_ticket(&ticket, durable::now())?;
            if ticket.room != id {
                return Err(ApiError::Forbidden("This ticket is for another session"));
            }
            ticket.user_id
        }
        None => bearer(&state, &headers).await?,
    };
    // The room is asked first, so that refusals have a status and the object only sees sockets of its members.
    if ask(&state, id, &RoomRequest::Read { user }).await?.is_none() {
        return Err(NO_SESSION);
    }
    let ice_servers = turn::for_room(&state, user).await;
    let request = SocketRequest { user, ice_servers };
    Ok(Upgrade(rpc::upgrade::<CallRoom>(&state.env, &id.to_string(), &request).await?))
}

async fn bearer(state: &Shared, headers: &HeaderMap) -> ApiResult<Id> {
    RoomUser::of(claims(headers, state)?, state).await.map(|RoomUser(user)| user)
}
