//! Joining a group, by its id or by its code.

use axum::{Json, extract::State};
use domain::{
    Id,
    chat::Sender,
    group::{Group, GroupRefusal, GroupSettings, GroupStatus, Seat},
};
use durable::group_room::{Door, GroupReply, GroupRequest, RoomRefusal};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{groups, users::Account};
use utoipa::ToSchema;

use super::{
    ask, ask_for_group, leave_others, refused,
    show::{ShownDiscussion, ShownMember, card, members},
    unexpected,
};
use crate::{
    auth::password,
    communication::UserCard,
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        form::Form,
        validate::{Checks, Field},
    },
    state::{AppState, Shared},
};

const MAX_PASSWORD_CHARS: usize = 20;
/// Codes of the old server are not always of the usual length.
const MAX_CODE_CHARS: usize = 40;

/// A group by its id.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct JoinById {
    group_id: Id,
    /// Of a private group.
    password: Option<String>,
}

/// A group by its code.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks")]
pub struct JoinByCode {
    /// In any case.
    join_code: String,
    /// Of a private group.
    password: Option<String>,
}

/// A group just joined.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedGroup {
    id: Id,
    title: String,
    topic: String,
    level: String,
    max_participants: u16,
    is_private: bool,
    status: GroupStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<GroupSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_session: Option<ShownDiscussion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<UserCard>,
}

/// It, with its members.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    group_id: Id,
    participants: Vec<ShownMember>,
    group: JoinedGroup,
}

impl Joined {
    fn of(group: &Group) -> Self {
        Self {
            group_id: group.id,
            participants: members(group),
            group: JoinedGroup {
                id: group.id,
                title: group.title.clone(),
                topic: group.topic.clone(),
                level: group.level.clone(),
                max_participants: group.capacity,
                is_private: group.is_private,
                status: group.status,
                settings: None,
                group_session: None,
                join_code: None,
                host: None,
            },
        }
    }
}

/// Join a group of the own region. Other groups are left.
#[utoipa::path(post, path = "/groups/join", tag = "groups", security(("bearer" = [])), request_body = JoinById,
    responses(
    (status = 200, body = Envelope<Joined>),
    (status = 400, body = ErrorBody, description = "A field or the password is wrong, the group is full, or the caller is in it"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The group is of another region"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn by_id(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Joined>>> {
    let form = Form::new(&body).needs(&["groupId"]).read(
        "groupId",
        "Group id must be an id of 24 hexadecimal digits",
        |text| text.parse::<Id>().ok().map(|id| Value::String(id.to_string())),
    );
    let fields = form.finish()?;
    let password = password(&body)?;
    let id = fields.get("groupId").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let id: Id = id.ok_or_else(unexpected)?;
    let door = door(&state, id, user.account.id, password.is_some()).await?;
    if door.region.is_some() && door.region != user.account.region {
        return Err(ApiError::Forbidden("This group is of another region"));
    }
    let group = enter(&state, id, door, user.account, password).await?;
    let mut joined = Joined::of(&group);
    joined.group.group_session = Some(ShownDiscussion::of(&group));
    joined.group.settings = Some(group.settings);
    Ok(envelope("You joined the group", joined))
}

/// Join a group of any region whose code one was told. Other groups are left.
#[utoipa::path(post, path = "/groups/join-by-code", tag = "groups", security(("bearer" = [])),
    request_body = JoinByCode, responses(
    (status = 200, body = Envelope<Joined>),
    (status = 400, body = ErrorBody, description = "The code is missing, the password is wrong, the group is full, or the caller is in it"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "No group has this code"),
))]
#[worker::send]
pub async fn by_code(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(mut body): JsonBody,
) -> ApiResult<Json<Envelope<Joined>>> {
    let code = body.get("joinCode").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if code.is_empty() {
        return Err(ApiError::BadRequest("Join code is required"));
    }
    let code: String = code.chars().take(MAX_CODE_CHARS).collect::<String>().to_uppercase();
    // The app sends null for none.
    body.retain(|name, value| name != "password" || !(value.is_null() || *value == ""));
    let password = password(&body)?;
    const NO_CODE: ApiError = ApiError::NotFound("Group not found with this code");
    let id = groups::id_by_code(&state.store, &code).await?.ok_or(NO_CODE)?;
    let door = door(&state, id, user.account.id, password.is_some()).await?;
    let group = enter(&state, id, door, user.account, password).await?;
    let mut joined = Joined::of(&group);
    joined.group.host = Some(card(&group.host));
    joined.group.join_code = Some(group.join_code);
    Ok(envelope("You joined the group", joined))
}

/// The password as typed.
fn password(body: &Map<String, Value>) -> ApiResult<Option<&str>> {
    let mut checks = Checks::new(body);
    if matches!(checks.field("password"), Field::Absent) {
        return Ok(None);
    }
    let fits = |text: &str| (1..=MAX_PASSWORD_CHARS).contains(&text.chars().count());
    let password = checks.secret("password", "Password must have 1 to 20 characters", fits);
    checks.finish(password.map(Some))
}

async fn door(state: &AppState, id: Id, user: Id, tries: bool) -> ApiResult<Door> {
    match ask(state, id, &GroupRequest::Door { user, tries }).await? {
        GroupReply::Door(door) => Ok(door),
        _ => Err(unexpected()),
    }
}

/// Full comes before the password, and that before being in already (contract: joinGroup).
async fn enter(
    state: &AppState,
    id: Id,
    door: Door,
    account: Account,
    password: Option<&str>,
) -> ApiResult<Group> {
    match door.refusal {
        Some(GroupRefusal::Over) => return Err(ApiError::BadRequest("This group is over")),
        Some(refusal) => return Err(refused(RoomRefusal::Group(refusal))),
        None => {}
    }
    let user = account.id;
    if let Some(lock) = door.lock {
        if door.is_barred {
            const BARRED: &str = "Too many wrong passwords; please try again in ten minutes";
            return Err(ApiError::BadRequest(BARRED));
        }
        let given = password.ok_or(ApiError::BadRequest("This is a private group; it has a password"))?;
        if !opens(given, &lock).await {
            return Err(ApiError::BadRequest("Invalid password for this private group"));
        }
    }
    let person = Sender { id: user, name: account.name, profile_picture: account.profile_picture };
    let group = ask_for_group(state, id, &GroupRequest::Join { user: person }).await?;
    let taken_at = group.member(user).map_or_else(durable::now, |member| member.joined_at);
    leave_others(state, user, Seat { taken_at, group: id }).await;
    Ok(group)
}

/// The old server stored passwords as they are.
async fn opens(given: &str, lock: &str) -> bool {
    if lock.starts_with('$') { password::verify(given, Some(lock)).await } else { given == lock }
}
