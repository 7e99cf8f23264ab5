//! Calls as lists show them, and the end of one by its host.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    accounts::Role,
    paging::{Page, Pagination},
    session::{Participant, Session, SessionType, Status},
};
use durable::{
    UserHub,
    call_room::{RoomRefusal, RoomReply, RoomRequest},
    rpc,
    user_hub::{HubReply, HubRequest},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::records::{self, NEWEST, Party, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::{ask, recorded_member, refused, unexpected};
use crate::{
    http::{
        body::{DataOnly, Envelope, data, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, AuthUser, IdPath, QueryOf, RoomUser, query_time},
    },
    records::{Reader, Shown, given, shown},
    state::{AppState, Shared},
};

/// The types that are calls.
const CALLS: [&str; 4] = ["voice_call", "video_call", "group_voice_call", "group_video_call"];
/// Most calls that an administrator sees at once.
const MOST_ACTIVE: u32 = 100;

/// A call or session: host and participants as cards (contract: listCallHistory, adminListCommunicationSessions).
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct Listed(Map<String, Value>);

/// A record as a list item: some of its fields, and people under the key `id` with some fields of their entries.
fn listed(mut record: Map<String, Value>, fields: &[&str], entry_fields: &[&str], picture: bool) -> Listed {
    let mut item = Map::new();
    item.insert("id".into(), record.get("_id").cloned().unwrap_or_default());
    for field in fields {
        item.extend(record.get(*field).map(|value| ((*field).to_owned(), value.clone())));
    }
    item.insert("host".into(), Value::Object(card(record.get("host"), false)));
    let entries = match record.remove("participants") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    let participants = entries.iter().map(|entry| {
        let mut card = card(entry.get("user"), picture);
        for field in entry_fields {
            card.extend(entry.get(*field).map(|value| ((*field).to_owned(), value.clone())));
        }
        Value::Object(card)
    });
    item.insert("participants".into(), participants.collect());
    Listed(item)
}

fn card(user: Option<&Value>, picture: bool) -> Map<String, Value> {
    let of = |field: &str| user.and_then(|user| user.get(field)).cloned().unwrap_or_default();
    let mut card = Map::new();
    card.insert("id".into(), of("_id"));
    card.insert("name".into(), of("name"));
    card.insert("email".into(), of("email"));
    if picture {
        card.insert("profilePicture".into(), of("profilePicture"));
    }
    card
}

/// Which own calls.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// One of the four types of calls.
    call_type: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of calls.
#[derive(Serialize, ToSchema)]
pub struct History {
    calls: Vec<Listed>,
    pagination: Pagination,
}

/// Own calls, newest first.
#[utoipa::path(get, path = "/communication/calls/history", tag = "communication", security(("bearer" = [])),
    params(HistoryQuery), responses(
    (status = 200, body = DataOnly<History>),
    (status = 400, body = ErrorBody, description = "Not a type of calls"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn history(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> ApiResult<Json<DataOnly<History>>> {
    let types = match given(query.call_type.as_ref()) {
        Some(kind) if CALLS.contains(&kind.as_str()) => vec![kind],
        Some(_) => return Err(ApiError::BadRequest("callType must be one of the four types of calls")),
        None => CALLS.map(str::to_owned).to_vec(),
    };
    let wanted =
        Wanted { party: Some(Party::Participant(user.account.id)), types: Some(types), ..Wanted::default() };
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 20);
    let (found, total) = records::newest(&state.store, &wanted, page).await?;
    let fields =
        ["sessionId", "sessionType", "title", "status", "startedAt", "endedAt", "duration", "createdAt"];
    let calls = shown(&state, user.reader(), found).await?;
    let calls = calls.into_iter().map(|Shown(record)| listed(record, &fields, &["role", "duration"], true));
    Ok(data(History { calls: calls.collect(), pagination: page.of_total(total) }))
}

/// Calls that are active now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveCalls {
    active_calls: Vec<Listed>,
}

/// The caller's active calls; for administrators those of everybody, as recorded.
#[utoipa::path(get, path = "/communication/calls/active", tag = "communication", security(("bearer" = [])),
    responses((status = 200, body = DataOnly<ActiveCalls>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn active(State(state): State<Shared>, user: AuthUser) -> ApiResult<Json<DataOnly<ActiveCalls>>> {
    let active_calls = if user.account.role == Role::Admin {
        recorded_calls(&state, user.reader()).await?
    } else {
        live_calls(&state, user.account.id).await?
    };
    Ok(data(ActiveCalls { active_calls }))
}

async fn recorded_calls(state: &AppState, reader: Reader) -> ApiResult<Vec<Listed>> {
    let types = Some(CALLS.map(str::to_owned).to_vec());
    let wanted = Wanted { types, status: Some("active".into()), ..Wanted::default() };
    let page = Page { page: 1, limit: MOST_ACTIVE };
    let found = records::page(&state.store, &wanted, NEWEST, page).await?;
    let fields = ["sessionId", "sessionType", "title", "startedAt", "duration"];
    let entry_fields = ["role", "isActive", "micEnabled", "cameraEnabled"];
    let calls = shown(state, reader, found).await?.into_iter();
    Ok(calls.map(|Shown(record)| listed(record, &fields, &entry_fields, true)).collect())
}

async fn live_calls(state: &AppState, me: Id) -> ApiResult<Vec<Listed>> {
    let HubReply::Sessions(sessions) =
        rpc::call::<UserHub>(&state.env, &me.to_string(), &HubRequest::Live).await?
    else {
        return Err(unexpected());
    };
    let now = durable::now();
    let calls = sessions
        .into_iter()
        .filter(|session| session.session_type != SessionType::Chat && session.status == Status::Active);
    Ok(calls.map(|session| live(&session, now)).collect())
}

fn live(session: &Session, now: Timestamp) -> Listed {
    let person = |participant: &Participant, picture: bool| {
        let user = &participant.user;
        card(
            Some(&json!({ "_id": user.id, "name": user.name, "email": "", "profilePicture": user.picture })),
            picture,
        )
    };
    let participants = session.participants.iter().map(|participant| {
        let mut card = person(participant, true);
        card.insert("role".into(), json!(participant.role.as_str()));
        card.insert("isActive".into(), json!(participant.is_active()));
        card.insert("micEnabled".into(), json!(participant.media.mic_enabled));
        card.insert("cameraEnabled".into(), json!(participant.media.camera_enabled));
        Value::Object(card)
    });
    let mut item = Map::new();
    let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
    put("id", json!(session.id));
    put("sessionId", json!(session.key));
    put("sessionType", json!(session.session_type));
    put("title", json!(session.title));
    put("host", session.host().map_or(Value::Null, |host| Value::Object(person(host, false))));
    put("participants", participants.collect());
    put("duration", json!(session.started_at.map_or(0, |began| now.seconds_since(began))));
    if let Some(began) = session.started_at {
        put("startedAt", json!(began));
    }
    Listed(item)
}

/// Which sessions.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct SessionsQuery {
    /// One of the nine types.
    session_type: Option<String>,
    /// One of the six states.
    status: Option<String>,
    /// Created then or later.
    date_from: Option<String>,
    /// Created then or earlier.
    date_to: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
pub struct SessionPage {
    sessions: Vec<Listed>,
    pagination: Pagination,
}

/// Sessions of everybody, newest first.
#[utoipa::path(get, path = "/communication/admin/sessions", tag = "communication", security(("bearer" = [])),
    params(SessionsQuery), responses(
    (status = 200, body = DataOnly<SessionPage>),
    (status = 400, body = ErrorBody, description = "A date cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn all(
    State(state): State<Shared>,
    admin: Admin,
    QueryOf(query): QueryOf<SessionsQuery>,
) -> ApiResult<Json<DataOnly<SessionPage>>> {
    let wanted = Wanted {
        types: given(query.session_type.as_ref()).map(|kind| vec![kind]),
        status: given(query.status.as_ref()),
        from: query_time(query.date_from.as_ref())?,
        until: query_time(query.date_to.as_ref())?,
        ..Wanted::default()
    };
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 20);
    let (found, total) = records::newest(&state.store, &wanted, page).await?;
    let fields = [
        "sessionId",
        "sessionType",
        "title",
        "status",
        "scheduledAt",
        "startedAt",
        "endedAt",
        "duration",
        "createdAt",
    ];
    let sessions = shown(&state, admin.reader(), found).await?.into_iter().map(|Shown(record)| {
        let Listed(mut item) = listed(record, &fields, &["role", "isActive", "duration"], false);
        let entries = item.get("participants").and_then(Value::as_array).cloned().unwrap_or_default();
        let active = entries.iter().filter(|entry| entry.get("isActive") == Some(&json!(true))).count();
        item.insert("totalParticipants".into(), json!(entries.len()));
        item.insert("activeParticipants".into(), json!(active));
        Listed(item)
    });
    Ok(data(SessionPage { sessions: sessions.collect(), pagination: page.of_total(total) }))
}

/// The end of a call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndedCall {
    session_id: Id,
    status: String,
    duration: i64,
    ended_at: Option<Timestamp>,
}

/// End a call as its host. On one that is over nothing changes.
#[utoipa::path(post, path = "/communication/call/{sessionId}/end", tag = "communication", security(("bearer" = [])),
    params(("sessionId" = Id, Path)), responses(
    (status = 200, body = Envelope<EndedCall>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not the host"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn end(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<EndedCall>>> {
    let ended = match ask(&state, id, &RoomRequest::End { user }).await? {
        Some(RoomReply::Session(details)) => {
            let Session { status, duration, ended_at, .. } = details.session;
            EndedCall { session_id: id, status: status.as_str().into(), duration, ended_at }
        }
        Some(_) => return Err(unexpected()),
        None => {
            let found = recorded_member(&state, id, user).await?;
            if found.host != Some(user) {
                return Err(refused(RoomRefusal::NotHost));
            }
            let duration = found.duration.as_i64();
            EndedCall { session_id: id, status: found.status, duration, ended_at: found.ended_at }
        }
    };
    Ok(envelope("The call is over", ended))
}
