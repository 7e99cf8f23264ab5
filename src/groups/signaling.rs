//! Signaling of a group, each member with each: the routes under `groups`, which name the addressee `targetUserId`.

use axum::{Json, extract::State};
use domain::{
    Id,
    mesh::{Sent, Signal},
    signaling::{MAX_CANDIDATE_BYTES, MAX_SDP_BYTES, candidate_text},
};
use durable::group_room::{GroupReply, GroupRequest};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ask, unexpected};
use crate::{
    communication::signaling::{ShownCandidate, ShownDescription, line_index},
    http::{
        body::{DataOnly, MessageOnly, NO_STORE, NoStore, data, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, JsonBody, RoomUser},
    },
    state::{AppState, Shared},
};

/// What is for the caller: the newest offer and answer, and all of them by sender.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupSnapshot {
    offer: ShownDescription,
    answer: ShownDescription,
    ice_candidates: Vec<ShownCandidate>,
    offers: Vec<ShownDescription>,
    answers: Vec<ShownDescription>,
}

/// It, in its place.
#[derive(Serialize, ToSchema)]
pub struct GroupSnapshotData {
    signaling: GroupSnapshot,
}

/// Reads what is for a member.
pub async fn snapshot(
    state: &AppState,
    group: Id,
    user: Id,
) -> ApiResult<(NoStore, Json<DataOnly<GroupSnapshotData>>)> {
    let GroupReply::Signals(sent) = ask(state, group, &GroupRequest::Signals { user }).await? else {
        return Err(unexpected());
    };
    let (mut offers, mut answers, mut ice_candidates) = (Vec::new(), Vec::new(), Vec::new());
    for Sent { id, from, at, signal, .. } in sent {
        let described = |kind: &'static str, sdp: String| ShownDescription {
            from: Some(from),
            kind: Some(kind),
            sdp: Some(sdp),
            created_at: Some(at),
        };
        match signal {
            Signal::Offer { sdp } => offers.push(described("offer", sdp)),
            Signal::Answer { sdp } => answers.push(described("answer", sdp)),
            Signal::Candidate { text, sdp_mid, sdp_m_line_index } => ice_candidates.push(ShownCandidate {
                id,
                from,
                candidate: text,
                sdp_mid,
                sdp_m_line_index,
                created_at: at,
            }),
        }
    }
    let newest = |all: &[ShownDescription]| all.last().cloned().unwrap_or_default();
    let (offer, answer) = (newest(&offers), newest(&answers));
    let signaling = GroupSnapshot { offer, answer, ice_candidates, offers, answers };
    Ok((NO_STORE, data(GroupSnapshotData { signaling })))
}

/// Passes something on to another member.
pub async fn pass_on(
    state: &AppState,
    group: Id,
    user: Id,
    to: Option<&Value>,
    signal: Signal,
) -> ApiResult<()> {
    const BAD_ADDRESSEE: ApiError = ApiError::BadRequest("Whom this is for must be the id of a member");
    let to = to.filter(|to| !to.is_null());
    let to = to.map(|to| to.as_str().and_then(|to| to.parse::<Id>().ok()).ok_or(BAD_ADDRESSEE));
    ask(state, group, &GroupRequest::Signal { user, to: to.transpose()?, signal }).await.map(drop)
}

/// The session description of a body: `type` may be left out, and must fit otherwise.
pub fn sdp(description: Option<&Map<String, Value>>, kind: &str) -> ApiResult<String> {
    const BAD_SDP: ApiError = ApiError::BadRequest("sdp must be text of 1 to 65536 bytes");
    const BAD_TYPE: ApiError = ApiError::BadRequest("type must be that of the route: offer or answer");
    let description = description.ok_or(BAD_SDP)?;
    if description.get("type").is_some_and(|given| !given.is_null() && given != kind) {
        return Err(BAD_TYPE);
    }
    let sdp = description.get("sdp").and_then(Value::as_str);
    let sdp = sdp.filter(|sdp| !sdp.is_empty() && sdp.len() <= MAX_SDP_BYTES).ok_or(BAD_SDP)?;
    Ok(sdp.to_owned())
}

/// The candidate of a body: text, which is passed on byte for byte, or the candidate object itself.
pub fn candidate(body: &Map<String, Value>) -> ApiResult<Signal> {
    const BAD: ApiError = ApiError::BadRequest("candidate must be text of 1 to 2048 bytes");
    let text_of =
        |map: &Map<String, Value>, name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    let (text, fields) = match body.get("candidate") {
        Some(Value::String(text)) => (text.clone(), body),
        Some(Value::Object(object)) => {
            let line = object.get("candidate").and_then(Value::as_str).ok_or(BAD)?;
            let mid = text_of(object, "sdpMid");
            let index = object.get("sdpMLineIndex").and_then(line_index);
            (candidate_text(line, mid.as_deref(), index), object)
        }
        _ => return Err(BAD),
    };
    if text.is_empty() || text.len() > MAX_CANDIDATE_BYTES {
        return Err(BAD);
    }
    let sdp_mid = text_of(fields, "sdpMid").filter(|mid| mid.len() <= 256);
    Ok(Signal::Candidate {
        text,
        sdp_mid,
        sdp_m_line_index: fields.get("sdpMLineIndex").and_then(line_index),
    })
}

/// Read the offers, answers and candidates that are for the caller.
#[utoipa::path(get, path = "/groups/{groupId}/webrtc", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = DataOnly<GroupSnapshotData>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn read(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<(NoStore, Json<DataOnly<GroupSnapshotData>>)> {
    snapshot(&state, id, user).await
}

/// An offer for a member.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes its parts")]
pub struct AddressedOffer {
    /// `{type, sdp}`.
    #[schema(value_type = Object)]
    offer: Value,
    /// The only other member when not given.
    target_user_id: Option<Id>,
}

/// Send an offer to a member; the older one of the pair, and its answer, are void.
#[utoipa::path(post, path = "/groups/{groupId}/webrtc/offer", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = AddressedOffer, responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the addressee"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn offer(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<MessageOnly>> {
    let sdp = sdp(body.get("offer").and_then(Value::as_object), "offer")?;
    pass_on(&state, id, user, body.get("targetUserId"), Signal::Offer { sdp }).await?;
    Ok(message("The offer is passed on"))
}

/// An answer for a member.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes its parts")]
pub struct AddressedAnswer {
    /// `{type, sdp}`.
    #[schema(value_type = Object)]
    answer: Value,
    /// The only other member when not given.
    target_user_id: Option<Id>,
}

/// Send an answer to a member.
#[utoipa::path(post, path = "/groups/{groupId}/webrtc/answer", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = AddressedAnswer, responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the addressee"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn answer(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<MessageOnly>> {
    let sdp = sdp(body.get("answer").and_then(Value::as_object), "answer")?;
    pass_on(&state, id, user, body.get("targetUserId"), Signal::Answer { sdp }).await?;
    Ok(message("The answer is passed on"))
}

/// A candidate for a member.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes its parts")]
pub struct AddressedCandidate {
    /// Text of at most 2 KiB, or the candidate object.
    #[schema(value_type = Object)]
    candidate: Value,
    /// The only other member when not given.
    target_user_id: Option<Id>,
}

/// Send a candidate to a member.
#[utoipa::path(post, path = "/groups/{groupId}/webrtc/ice", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), request_body = AddressedCandidate, responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the addressee"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
    (status = 409, body = ErrorBody, description = "The group is over"),
))]
#[worker::send]
pub async fn ice(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<MessageOnly>> {
    pass_on(&state, id, user, body.get("targetUserId"), candidate(&body)?).await?;
    Ok(message("The candidate is passed on"))
}

/// Forget what the caller sent.
#[utoipa::path(post, path = "/groups/{groupId}/webrtc/clear", tag = "groups", security(("bearer" = [])),
    params(("groupId" = Id, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not in the group"),
    (status = 404, body = ErrorBody, description = "No such group"),
))]
#[worker::send]
pub async fn clear(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    ask(&state, id, &GroupRequest::ClearSignals { user }).await?;
    Ok(message("Your signals are forgotten"))
}
