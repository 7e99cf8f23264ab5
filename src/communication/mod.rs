//! Calls and chats between two learners. Handlers authorise and translate; rooms, hubs and lobbies decide.

mod calls;
pub(crate) mod chat;
mod details;
mod entering;
pub mod matchmaking;
pub(crate) mod schedule;
mod sessions;
pub(crate) mod signaling;
mod socket;
mod turn;
mod video;

use domain::{Id, session::VideoRefusal, signaling::Refusal};
use durable::{
    CallRoom,
    call_room::{RoomRefusal, RoomReply, RoomRequest},
    rpc,
};
use serde::Serialize;
use store::sessions::Person;
use utoipa::ToSchema;

use crate::{
    http::{
        error::{ApiError, ApiResult},
        routes::operations,
    },
    state::Shared,
};

operations!(
    matchmaking::find_partner,
    sessions::active,
    sessions::cancel_all,
    details::details,
    sessions::leave,
    calls::history,
    calls::active,
    calls::all,
    calls::end,
    schedule::initiate,
    schedule::initiate_group,
    entering::join,
    entering::media,
    sessions::purge,
    turn::servers,
    video::ask,
    video::answer,
    video::request,
    chat::send,
    chat::list,
    signaling::read,
    signaling::offer,
    signaling::answer,
    signaling::ice,
    signaling::clear,
    socket::ticket,
    socket::open,
);

/// What only tests may ask for.
#[cfg(feature = "fault-injection")]
pub fn faults() -> axum::Router<Shared> {
    axum::Router::new().route("/test/panic/{id}", axum::routing::post(sessions::panic))
}

const NO_SESSION: ApiError = ApiError::NotFound("There is no such session");
const NOT_YOURS: ApiError = ApiError::Forbidden("You are not part of this session");

/// A user as others see him. The address is personal: the key stays, for the app reads it, and is empty.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserCard {
    id: Id,
    name: String,
    email: &'static str,
    profile_picture: Option<String>,
}

impl UserCard {
    pub(crate) fn new(id: Id, name: String, profile_picture: Option<String>) -> Self {
        Self { id, name, email: "", profile_picture }
    }

    /// The card of a recorded user; one who is gone keeps his id and gets a name that says so.
    fn recorded(id: Option<Id>, people: &[Person]) -> Self {
        let id = id.unwrap_or_else(|| Id::from([0; 12]));
        match people.iter().find(|person| person.id == id) {
            Some(person) => Self::new(id, person.name.clone(), person.profile_picture.clone()),
            None => Self::new(id, "Former user".into(), None),
        }
    }
}

/// Asks a room. `None`: the room knows nothing (any more), and the record in the database has the answer.
async fn ask(state: &Shared, session: Id, request: &RoomRequest) -> ApiResult<Option<RoomReply>> {
    match rpc::call::<CallRoom>(&state.env, &session.to_string(), request).await? {
        Ok(reply) => Ok(Some(reply)),
        Err(RoomRefusal::Unknown) => Ok(None),
        Err(refusal) => Err(refused(refusal)),
    }
}

fn refused(refusal: RoomRefusal) -> ApiError {
    match refusal {
        RoomRefusal::Unknown => NO_SESSION,
        RoomRefusal::NotParticipant => NOT_YOURS,
        RoomRefusal::Finished => ApiError::Conflict("This session is over"),
        RoomRefusal::ChatFull => ApiError::Conflict("This chat is full; please start a new one"),
        RoomRefusal::Join(_) => ApiError::Conflict("Nobody waits here any more"),
        RoomRefusal::NotJoinable => ApiError::BadRequest("This call cannot be joined any more"),
        RoomRefusal::NotHost => ApiError::Forbidden("Only the host can end this call"),
        RoomRefusal::Video(VideoRefusal::NoVoiceCall) => {
            ApiError::Conflict("Only a running voice call can become a video call")
        }
        RoomRefusal::Video(VideoRefusal::NoPartner) => ApiError::Forbidden("There is nobody to ask"),
        RoomRefusal::Video(VideoRefusal::AskedAlready) => {
            ApiError::Conflict("Your partner has already asked for video")
        }
        RoomRefusal::Video(VideoRefusal::NotAsked) => {
            ApiError::BadRequest("There is no request for video to answer")
        }
        RoomRefusal::Signaling(Refusal::NoOffer) => ApiError::Conflict("There is no offer to answer"),
        RoomRefusal::Signaling(Refusal::OwnOffer) => ApiError::Conflict("You cannot answer your own offer"),
        RoomRefusal::Signaling(Refusal::StaleGeneration) => {
            ApiError::Conflict("A newer offer has taken its place")
        }
    }
}

/// For a session whose room is gone: whether the caller was in it.
async fn recorded_member(state: &Shared, session: Id, user: Id) -> ApiResult<store::sessions::Recorded> {
    let found = store::sessions::by_id(&state.store, session).await?.ok_or(NO_SESSION)?;
    if found.participants.iter().any(|participant| participant.user == Some(user)) {
        Ok(found)
    } else {
        Err(NOT_YOURS)
    }
}

/// What to answer who posts into a session whose room is gone.
async fn gone(state: &Shared, session: Id, user: Id) -> ApiError {
    match recorded_member(state, session, user).await {
        Ok(_) => refused(RoomRefusal::Finished),
        Err(error) => error,
    }
}

fn unexpected() -> ApiError {
    ApiError::Internal("an object answered something else".into())
}
