//! Calls that are set up for invited people.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    accounts::Role,
    session::{Participant, Session, SessionType, Status},
    subscription,
};
use durable::{
    CallRoom, UserHub,
    call_room::RoomRequest,
    rpc,
    user_hub::{HubReply, HubRequest},
};
use serde::Serialize;
use serde_json::{Map, Value};
use store::users::{self, Account};
use utoipa::ToSchema;

use super::{matchmaking, refused, unexpected};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        form::Form,
    },
    state::{AppState, Shared},
};

const MEDIA: [&str; 2] = ["voice", "video"];
/// Most people in a call of a group.
const MAX_PEOPLE: i64 = 50;
const DEFAULT_PEOPLE: i64 = 20;
const UNKNOWN_PEOPLE: ApiError = ApiError::BadRequest("Some of these people do not exist or are not active");

/// A call to set up.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct NewCall {
    /// The caller and the one who is called.
    participants: Vec<Id>,
    /// `voice` or `video`.
    call_type: String,
    /// 3 to 100 characters.
    title: String,
    /// At most 500 characters.
    description: Option<String>,
    /// Of a group: 2 to 50; 20 when not given.
    max_participants: Option<u16>,
}

/// Somebody of a call.
#[derive(Serialize, ToSchema)]
pub struct Invited {
    id: Id,
    name: String,
    email: &'static str,
    role: &'static str,
}

/// A call that was set up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledCall {
    session_id: Id,
    session_type: SessionType,
    title: String,
    call_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_group_call: Option<bool>,
    participants: Vec<Invited>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_participants: Option<u16>,
    status: Status,
    scheduled_at: Timestamp,
}

impl ScheduledCall {
    fn of(session: Session) -> Self {
        let is_group = session.session_type.is_group();
        let invited = |entry: Participant| Invited {
            id: entry.user.id,
            name: entry.user.name,
            email: "",
            role: entry.role.as_str(),
        };
        Self {
            session_id: session.id,
            session_type: session.session_type,
            title: session.title,
            call_type: session.session_type.call_type(),
            is_group_call: is_group.then_some(true),
            participants: session.participants.into_iter().map(invited).collect(),
            max_participants: is_group.then_some(session.capacity),
            status: session.status,
            scheduled_at: session.created_at,
        }
    }
}

type Created = (axum::http::StatusCode, Json<Envelope<ScheduledCall>>);

/// Set up a call with one other person. It is called off when nobody joins within two minutes.
#[utoipa::path(post, path = "/communication/call/initiate", tag = "communication", security(("bearer" = [])),
    request_body = NewCall, responses(
    (status = 201, body = Envelope<ScheduledCall>),
    (status = 400, body = ErrorBody, description = "A field is wrong, somebody is missing, or the two are in a call"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The paid gate is closed, or the caller may not call this person"),
))]
#[worker::send]
pub async fn initiate(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Created> {
    let asked = body.get("callType").and_then(Value::as_str);
    let session_type = match asked {
        Some("video") => SessionType::VideoCall,
        _ => SessionType::VoiceCall,
    };
    if asked.is_some_and(|asked| MEDIA.contains(&asked)) {
        matchmaking::gate(&state, &user.account, session_type).await?;
    }
    let fields = call_form(&body).ids("participants", 1..=MAX_PEOPLE_OF_FORM).finish()?;
    let ids = ids(&fields);
    if ids.len() != 2 {
        return Err(ApiError::BadRequest("A call has exactly two participants"));
    }
    let session = set_up(&state, &user.account, &ids, session_type, &fields, 2).await?;
    let hub = user.account.id.to_string();
    let request = HubRequest::Schedule { session: session.clone() };
    match rpc::call::<UserHub>(&state.env, &hub, &request).await? {
        HubReply::Done => Ok(created(session)),
        HubReply::AlreadyIn(_) => Err(ApiError::BadRequest("You are already in a call with this person")),
        HubReply::TooMany => Err(ApiError::BadRequest("You have set up enough calls for now")),
        HubReply::Unavailable => Err(ApiError::Unavailable("the room could not be opened".into())),
        _ => Err(unexpected()),
    }
}

/// Set up a call of several people.
#[utoipa::path(post, path = "/communication/call/group/initiate", tag = "communication", security(("bearer" = [])),
    request_body = NewCall, responses(
    (status = 201, body = Envelope<ScheduledCall>),
    (status = 400, body = ErrorBody, description = "A field is wrong, somebody is missing, or they are too many"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The paid gate is closed, or the caller may not call these people"),
))]
#[worker::send]
pub async fn initiate_group(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Created> {
    group_gate(&state, &user.account).await?;
    let form = call_form(&body).ids("participants", 2..=MAX_PEOPLE_OF_FORM);
    let fields = form.integer("maxParticipants", 2..=MAX_PEOPLE).finish()?;
    let ids = ids(&fields);
    let capacity = fields.get("maxParticipants").and_then(Value::as_i64).unwrap_or(DEFAULT_PEOPLE);
    let capacity = u16::try_from(capacity).unwrap_or(u16::MAX);
    if ids.len() > usize::from(capacity) {
        return Err(ApiError::BadRequest("These are more people than the call may have"));
    }
    let session_type = match fields.get("callType").and_then(Value::as_str) {
        Some("video") => SessionType::GroupVideoCall,
        _ => SessionType::GroupVoiceCall,
    };
    let session = set_up(&state, &user.account, &ids, session_type, &fields, capacity).await?;
    let open = RoomRequest::Open { session: session.clone() };
    match rpc::call::<CallRoom>(&state.env, &session.id.to_string(), &open).await? {
        Ok(_) => Ok(created(session)),
        Err(refusal) => Err(refused(refusal)),
    }
}

/// Longest list of people that is read at all.
const MAX_PEOPLE_OF_FORM: usize = 50;

/// Calls and groups of several people have a gate of their own, where an operator sets one up. Without one they are
/// open, as chats are.
pub async fn group_gate(state: &AppState, account: &Account) -> ApiResult<()> {
    let Some(feature) = state.feature("group_calls").await? else { return Ok(()) };
    let holder = state.holder(account).await?;
    subscription::gate(Some(feature.rule()), holder, durable::now()).map_err(matchmaking::refused)
}

fn call_form(body: &Map<String, Value>) -> Form<'_> {
    Form::new(body)
        .needs(&["participants", "callType", "title"])
        .choice("callType", &MEDIA)
        .text("title", 3..=100)
        .text("description", 0..=500)
}

fn ids(fields: &Map<String, Value>) -> Vec<Id> {
    let ids = fields.get("participants").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
}

fn created(session: Session) -> Created {
    let created = envelope("The call is set up", ScheduledCall::of(session));
    (axum::http::StatusCode::CREATED, created)
}

/// The session of these people: all exist, the caller is among them and may call the others.
async fn set_up(
    state: &AppState,
    host: &Account,
    ids: &[Id],
    session_type: SessionType,
    fields: &Map<String, Value>,
    capacity: u16,
) -> ApiResult<Session> {
    let mut people = users::accounts(&state.store, ids).await?;
    people.retain(|account| account.is_active);
    // The same person twice counts as somebody missing.
    if people.len() != ids.len() {
        return Err(UNKNOWN_PEOPLE);
    }
    let host_at = people.iter().position(|account| account.id == host.id);
    let host_at = host_at.ok_or(ApiError::Forbidden("You are not among the participants"))?;
    let host = people.swap_remove(host_at);
    let stranger = |other: &Account| other.region != host.region;
    if host.role == Role::Student && people.iter().any(stranger) {
        return Err(ApiError::Forbidden("You can call people of your own region"));
    }
    let region = host.region.or_else(|| people.iter().find_map(|other| other.region));
    let region = region.ok_or(ApiError::BadRequest("Please choose a region first"))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let card = |account: Account| {
        let region = account.region.unwrap_or(region);
        matchmaking::card(account, region)
    };
    let people = (card(host), people.into_iter().map(card).collect());
    let texts = (text("title"), text("description"));
    Ok(Session::scheduled(durable::new_id(), session_type, texts, people, capacity, durable::now()))
}
