//! Discussion groups. Handlers authorise and translate; the group's object decides.

mod chat;
mod create;
mod discussion;
mod join;
mod lists;
mod shared_signaling;
mod show;
mod signaling;

use domain::{
    Id,
    group::{Group, GroupRefusal, Seat},
};
use durable::{
    GroupRoom,
    group_room::{GroupReply, GroupRequest, RoomRefusal},
    rpc,
};
use futures_util::future::try_join_all;
use serde_json::json;
use store::groups;
use worker::console_warn;

use crate::{
    http::{
        error::{ApiError, ApiResult},
        routes::operations,
    },
    state::AppState,
};

operations!(
    create::create,
    lists::available,
    lists::own,
    join::by_id,
    join::by_code,
    show::one,
    chat::say,
    chat::list,
    discussion::start,
    discussion::leave,
    discussion::end,
    signaling::read,
    signaling::offer,
    signaling::answer,
    signaling::ice,
    signaling::clear,
    shared_signaling::read,
    shared_signaling::offer,
    shared_signaling::answer,
    shared_signaling::ice,
    shared_signaling::clear,
);

const NO_GROUP: ApiError = ApiError::NotFound("Group not found");

/// Asks the object of a group.
async fn ask(state: &AppState, group: Id, request: &GroupRequest) -> ApiResult<GroupReply> {
    let answer = rpc::call::<GroupRoom>(&state.env, &group.to_string(), request).await?;
    answer.map_err(refused)
}

/// Asks for something that is answered with the group.
async fn ask_for_group(state: &AppState, group: Id, request: &GroupRequest) -> ApiResult<Group> {
    match ask(state, group, request).await? {
        GroupReply::Group(group) => Ok(*group),
        _ => Err(unexpected()),
    }
}

fn refused(refusal: RoomRefusal) -> ApiError {
    match refusal {
        RoomRefusal::Unknown => NO_GROUP,
        RoomRefusal::Unavailable => ApiError::Unavailable("a group could not be read".into()),
        RoomRefusal::Group(GroupRefusal::Over) => ApiError::Conflict("This group is over"),
        RoomRefusal::Group(GroupRefusal::Full) => ApiError::BadRequest("Group is full"),
        RoomRefusal::Group(GroupRefusal::AlreadyIn) => ApiError::BadRequest("You are already in this group"),
        RoomRefusal::Group(GroupRefusal::NotMember) => ApiError::Forbidden("You are not in this group"),
        RoomRefusal::Group(GroupRefusal::NotHost) => ApiError::Forbidden("Only the host can do this"),
        RoomRefusal::Group(GroupRefusal::Started) => ApiError::Conflict("The discussion runs already"),
        RoomRefusal::Group(GroupRefusal::NotAllowed) => {
            ApiError::Conflict("The settings of this group do not allow this kind of discussion")
        }
        RoomRefusal::Group(GroupRefusal::TooFew(least)) => {
            ApiError::Refused(format!("At least {least} participants must be here to start"))
        }
        RoomRefusal::ChatOff => ApiError::Forbidden("Chat is switched off in this group"),
        RoomRefusal::ChatFull => ApiError::Conflict("This chat is full; please open a new group"),
        RoomRefusal::WhoIsMeant => ApiError::BadRequest("Please say for which member this is"),
        RoomRefusal::StrangeAddressee => ApiError::BadRequest("Whom this is for is not another member"),
        RoomRefusal::TooMuch => ApiError::Conflict("Too much signaling is kept; please clear yours first"),
    }
}

/// Takes a user out of all groups that he was in before this seat: his own are disbanded under their members, others he
/// leaves. He has the seat whatever happens here: a failure leaves him in two groups until he leaves one.
async fn leave_others(state: &AppState, user: Id, seat: Seat) {
    let left = async {
        let mut others = groups::live_ids_of(&state.store, user).await?;
        others.retain(|group| *group != seat.group);
        let abandon = GroupRequest::Abandon { user, before: seat };
        let calls = others.into_iter().map(async |group| {
            // Refused: the list was older than the group.
            rpc::call::<GroupRoom>(&state.env, &group.to_string(), &abandon).await.map(drop)
        });
        try_join_all(calls).await?;
        ApiResult::Ok(())
    };
    if let Err(error) = left.await {
        console_warn!("{}", json!({ "level": "warn", "groups": user, "detail": format!("{error:?}") }));
    }
}

fn unexpected() -> ApiError {
    ApiError::Internal("a group answered something else".into())
}
