//! `POST /groups/create`.

use axum::{Extension, Json, extract::State, http::StatusCode};
use domain::{
    Id, Timestamp,
    chat::Sender,
    group::{About, Group, GroupSettings, GroupStatus, Seat, join_code},
};
use durable::{GroupRoom, group_room::GroupRequest, rpc};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{groups, users::Account};
use utoipa::ToSchema;

use super::{
    leave_others,
    show::{ShownMember, card, members},
};
use crate::{
    auth::password,
    communication::{UserCard, schedule::group_gate},
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody, Later},
        form::Form,
        validate::Checks,
    },
    state::Shared,
};

/// Codes are tried so often before the server gives up; one in three million million is taken by chance.
const TRIES: usize = 5;

/// A new group.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct NewGroup {
    /// 3 to 100 characters.
    title: String,
    /// 5 to 500 characters.
    topic: String,
    /// At most 1000 characters.
    description: Option<String>,
    /// `beginner`, `intermediate` or `advanced`.
    level: String,
    /// 2 to 50.
    max_participants: u16,
    is_private: bool,
    /// 4 to 20 characters; only of a private group.
    password: Option<String>,
    settings: GroupSettings,
}

/// A group just opened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenedGroup {
    id: Id,
    title: String,
    topic: String,
    description: String,
    level: String,
    max_participants: u16,
    is_private: bool,
    join_code: String,
    host: UserCard,
    participants: Vec<ShownMember>,
    status: GroupStatus,
    settings: GroupSettings,
    created_at: Timestamp,
}

/// It, with what opens it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    group_id: Id,
    join_code: String,
    group: OpenedGroup,
}

/// Open a group and become its host. Other groups are left: own ones are disbanded.
#[utoipa::path(post, path = "/groups/create", tag = "groups", security(("bearer" = [])), request_body = NewGroup,
    responses(
    (status = 201, body = Envelope<Opened>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or a private group has no password"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The gate of groups is closed"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    Extension(later): Extension<Later>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Opened>>)> {
    group_gate(&state, &user.account).await?;
    let fields = fields(&body)?;
    let is_private = fields.get("isPrivate").and_then(Value::as_bool).unwrap_or_default();
    let password = password(&body, is_private)?;
    const NO_REGION: ApiError = ApiError::BadRequest("Please choose a region first");
    let region = user.account.region.ok_or(NO_REGION)?;
    let lock = match password {
        Some(password) => Some(password::hash(state.password_hash, password).await?),
        None => None,
    };
    let id = durable::new_id();
    let group = store(&state, id, &fields, (user.account, region), lock.as_deref()).await?;
    leave_others(&state, group.host.id, Seat { taken_at: group.created_at, group: id }).await;
    // From now on the group has a lease, even if its host never looks at it.
    let (env, read) = (state.env.clone(), GroupRequest::Read { user: group.host.id });
    later.run(async move {
        let _ = rpc::call::<GroupRoom>(&env, &id.to_string(), &read).await;
    });
    Ok((StatusCode::CREATED, envelope("Group created", opened(group))))
}

fn fields(body: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let flags = ["settings.allowVideo", "settings.allowVoice", "settings.allowChat"];
    let mut form = Form::new(body)
        .needs(&["title", "topic", "level", "maxParticipants", "isPrivate", "settings"])
        .text("title", 3..=100)
        .text("topic", 5..=500)
        .text("description", 0..=1000)
        .choice("level", &["beginner", "intermediate", "advanced"])
        .integer("maxParticipants", 2..=50)
        .boolean("isPrivate")
        .object("settings")
        .needs(&flags);
    for flag in flags {
        form = form.boolean(flag);
    }
    form.finish()
}

/// The password of a private group; one of a public group does not count.
fn password(body: &Map<String, Value>, is_private: bool) -> ApiResult<Option<&str>> {
    let given = body.get("password").filter(|value| !value.is_null() && *value != "");
    match given {
        _ if !is_private => Ok(None),
        None => Err(ApiError::BadRequest("A private group needs a password")),
        Some(_) => {
            let mut checks = Checks::new(body);
            let fits = |text: &str| (4..=20).contains(&text.chars().count());
            let password = checks.secret("password", "Password must have 4 to 20 characters", fits);
            checks.finish(password.map(Some))
        }
    }
}

async fn store(
    state: &Shared,
    id: Id,
    fields: &Map<String, Value>,
    (account, region): (Account, Id),
    lock: Option<&str>,
) -> ApiResult<Group> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or_default();
    let capacity = fields.get("maxParticipants").and_then(Value::as_u64).unwrap_or_default();
    let host = Sender { id: account.id, name: account.name, profile_picture: account.profile_picture };
    for _ in 0..TRIES {
        let Some(code) = join_code(&durable::random_bytes::<32>()) else { continue };
        let about = About {
            title: text("title"),
            topic: text("topic"),
            description: text("description"),
            level: text("level"),
            capacity: u16::try_from(capacity).unwrap_or_default(),
            is_private: lock.is_some(),
            join_code: code,
            settings: GroupSettings {
                allow_video: flag("settings.allowVideo"),
                allow_voice: flag("settings.allowVoice"),
                allow_chat: flag("settings.allowChat"),
            },
        };
        let group = Group::open(id, about, host.clone(), region, durable::now());
        if groups::create(&state.store, &group, lock).await? {
            return Ok(group);
        }
    }
    Err(ApiError::Unavailable("no free join code was found".into()))
}

fn opened(group: Group) -> Opened {
    Opened {
        group_id: group.id,
        join_code: group.join_code.clone(),
        group: OpenedGroup {
            host: card(&group.host),
            participants: members(&group),
            id: group.id,
            title: group.title,
            topic: group.topic,
            description: group.description,
            level: group.level,
            max_participants: group.capacity,
            is_private: group.is_private,
            join_code: group.join_code,
            status: group.status,
            settings: group.settings,
            created_at: group.created_at,
        },
    }
}
