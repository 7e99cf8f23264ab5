//! A group as clients see it.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    chat::Sender,
    group::{Discussion, Group, GroupSettings, GroupStatus, Member},
};
use durable::group_room::GroupRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::ask_for_group;
use crate::{
    communication::UserCard,
    http::{
        body::{DataOnly, NO_STORE, NoStore, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath},
    },
    state::Shared,
};

pub fn card(user: &Sender) -> UserCard {
    UserCard::new(user.id, user.name.clone(), user.profile_picture.clone())
}

/// A member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownMember {
    #[serde(flatten)]
    card: UserCard,
    role: &'static str,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<Timestamp>,
}

impl ShownMember {
    fn of(member: &Member) -> Self {
        Self {
            card: card(&member.user),
            role: member.role.as_str(),
            is_active: true,
            joined_at: Some(member.joined_at),
        }
    }
}

/// All members, in the order of coming.
pub fn members(group: &Group) -> Vec<ShownMember> {
    group.members.iter().map(ShownMember::of).collect()
}

/// As [`members`], where lists do not say since when.
pub fn members_of_list(group: &Group) -> Vec<ShownMember> {
    let without_time = |member| ShownMember { joined_at: None, ..ShownMember::of(member) };
    group.members.iter().map(without_time).collect()
}

/// The discussion. Signaling has routes of its own.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownDiscussion {
    #[serde(rename = "_id")]
    id: Id,
    max_participants: u16,
    current_participants: usize,
    session_type: Discussion,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// Seconds.
    duration: i64,
}

impl ShownDiscussion {
    pub fn of(group: &Group) -> Self {
        let discussion = &group.discussion;
        Self {
            id: discussion.id,
            max_participants: group.capacity,
            current_participants: group.members.len(),
            session_type: discussion.kind,
            is_active: discussion.is_active,
            started_at: discussion.started_at,
            ended_at: discussion.ended_at,
            duration: discussion.duration,
        }
    }
}

/// A group in full, less chat and signaling.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupDetail {
    id: Id,
    title: String,
    topic: String,
    description: String,
    level: String,
    max_participants: u16,
    is_private: bool,
    /// Empty for those who are not in.
    join_code: String,
    status: GroupStatus,
    host: UserCard,
    participants: Vec<ShownMember>,
    settings: GroupSettings,
    group_session: ShownDiscussion,
    created_at: Timestamp,
}

/// Read a group: its members, and everybody of its region. Asking is a member's sign of life.
#[utoipa::path(get, path = "/groups/{groupId}", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = DataOnly<GroupDetail>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Neither in the group nor of its region"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<(NoStore, Json<DataOnly<GroupDetail>>)> {
    let me = user.account.id;
    let group = ask_for_group(&state, id, &GroupRequest::Read { user: me }).await?;
    let is_member = group.member(me).is_some();
    let is_neighbour = user.account.region.is_some() && user.account.region == group.region;
    if !is_member && !is_neighbour {
        return Err(ApiError::Forbidden("This group is of another region"));
    }
    let detail = GroupDetail {
        host: card(&group.host),
        participants: members(&group),
        group_session: ShownDiscussion::of(&group),
        id: group.id,
        title: group.title,
        topic: group.topic,
        description: group.description,
        level: group.level,
        max_participants: group.capacity,
        is_private: group.is_private,
        join_code: if is_member { group.join_code } else { String::new() },
        status: group.status,
        settings: group.settings,
        created_at: group.created_at,
    };
    Ok((NO_STORE, data(detail)))
}
