//! Own records of discussion groups, which the app keeps beside the groups themselves.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, group::Group, scoring::participation, session::readable_key};
use durable::{
    GroupRoom,
    group_room::{GroupReply, GroupRequest, RoomRefusal},
    rpc,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    ejson::plain,
    groups,
    records::{self, GroupRecord, group_part},
};
use utoipa::ToSchema;

use super::show::{Shown, shown};
use crate::{
    games::participated,
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        form::Form,
    },
    state::{AppState, Shared},
};

const NO_GROUP: ApiError = ApiError::NotFound("Group not found");

/// Which group. What the phone says of it besides is not believed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct JoinedDiscussion {
    group_id: Id,
    /// `chat`, `voice` or `video`.
    discussion_type: Option<String>,
}

/// A record that was saved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedDiscussion {
    session_id: Id,
    #[schema(value_type = Object)]
    group_session: Map<String, Value>,
}

/// Remember a group that one is in. One record a group, whatever it is asked how often.
#[utoipa::path(post, path = "/sessions/groups/create-or-update", tag = "sessions", security(("bearer" = [])),
    request_body = JoinedDiscussion, responses(
    (status = 200, body = Envelope<SavedDiscussion>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn save(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<SavedDiscussion>>> {
    let fields = Form::new(&body)
        .needs(&["groupId"])
        .read("groupId", "Group id must be an id of 24 hexadecimal digits", |text| {
            text.parse::<Id>().ok().map(|id| json!(id))
        })
        .choice("discussionType", &["chat", "voice", "video"])
        .finish()?;
    let id = fields.get("groupId").and_then(Value::as_str).and_then(|id| id.parse::<Id>().ok());
    let group = own_group(&state, id.ok_or(NO_GROUP)?, user.account.id).await?;
    let saved = find_or_begin(&state, &user, &group).await?;
    Ok(envelope("The group is saved", saved))
}

/// A group that is not over and lists the caller.
async fn own_group(state: &AppState, id: Id, me: Id) -> ApiResult<Group> {
    let read = GroupRequest::Read { user: me };
    let group = match rpc::call::<GroupRoom>(&state.env, &id.to_string(), &read).await? {
        Ok(GroupReply::Group(group)) => *group,
        Ok(_) => return Err(ApiError::Internal("a group answered something else".into())),
        Err(RoomRefusal::Unavailable) => {
            return Err(ApiError::Unavailable("a group could not be read".into()));
        }
        Err(_) => return Err(NO_GROUP),
    };
    if group.member(me).is_none() {
        return Err(ApiError::Forbidden("You are not in this group"));
    }
    if group.status.is_final() {
        return Err(ApiError::Conflict("This group is over"));
    }
    Ok(group)
}

async fn find_or_begin(state: &AppState, user: &AuthUser, group: &Group) -> ApiResult<SavedDiscussion> {
    let (me, now) = (user.account.id, durable::now());
    if let Some(open) = records::open_group_record(&state.store, me, group.id).await? {
        let record = records::refresh_group_record(&state.store, open, group, now).await?;
        return Ok(SavedDiscussion { session_id: record.id, group_session: record.shown() });
    }
    let id = durable::new_id();
    let key = readable_key("group_discussion", id, now);
    if records::begin_group_record(&state.store, (id, &key), me, group, now).await? {
        participated(state, &user.account, participation(id, None, now)).await;
        let part = plain(group_part(group)).as_object().cloned();
        return Ok(SavedDiscussion { session_id: id, group_session: part.unwrap_or_default() });
    }
    // Another request of the same learner was faster.
    let open = records::open_group_record(&state.store, me, group.id).await?;
    let open = open.ok_or(ApiError::Conflict("You left the group just now"))?;
    Ok(SavedDiscussion { session_id: open.id, group_session: open.shown() })
}

/// The group to return to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenDiscussion {
    session_id: Id,
    #[schema(value_type = Object)]
    group_session: Map<String, Value>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[schema(value_type = Vec<Object>)]
    participants: Value,
}

/// The newest own record of a group that goes on and lists the caller; null when there is none.
#[utoipa::path(get, path = "/sessions/groups/active", tag = "sessions", security(("bearer" = [])), responses(
    (status = 200, body = Envelope<Option<OpenDiscussion>>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn active(
    State(state): State<Shared>,
    user: AuthUser,
) -> ApiResult<Json<Envelope<Option<OpenDiscussion>>>> {
    const NONE: &str = "No group is open";
    let me = user.account.id;
    let (open, live) = futures_util::try_join!(
        records::open_group_records(&state.store, me),
        groups::live_ids_of(&state.store, me)
    )?;
    let goes_on = |record: &GroupRecord| record.group().is_some_and(|group| live.contains(&group));
    let Some(record) = open.into_iter().find(goes_on) else { return Ok(envelope(NONE, None)) };
    let raw = Map::from_iter([
        ("_id".to_owned(), json!(record.id)),
        ("participants".to_owned(), json!(record.participants())),
    ]);
    let populated = shown(&state, user.reader(), vec![raw]).await?.pop();
    let participants = populated.and_then(|Shown(mut record)| record.remove("participants"));
    let active = OpenDiscussion {
        session_id: record.id,
        group_session: record.shown(),
        status: record.status,
        started_at: record.started_at,
        participants: participants.unwrap_or_else(|| json!([])),
    };
    Ok(envelope("Your open group", Some(active)))
}
