//! Signaling for polling clients: the same room that sockets use, seen through five routes.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    signaling::{Candidate, Description, Event, Frame, MAX_CANDIDATE_BYTES, MAX_SDP_BYTES},
};
use durable::call_room::{RoomReply, RoomRequest, Signals};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ask, gone, recorded_member, unexpected};
use crate::{
    http::{
        body::{DataOnly, NO_STORE, NoStore, Ok as Done, data, ok},
        error::{ApiResult, ErrorBody},
        extract::{IdPath, JsonBody, RoomUser},
        validate::Checks,
    },
    state::Shared,
};

/// A session description; an empty object while there is none.
#[derive(Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Id>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    /// Byte for byte as posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sdp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<Timestamp>,
}

/// A candidate.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownCandidate {
    #[serde(rename = "_id")]
    pub(crate) id: Id,
    pub(crate) from: Id,
    /// Byte for byte as posted.
    pub(crate) candidate: String,
    pub(crate) sdp_mid: Option<String>,
    pub(crate) sdp_m_line_index: Option<u16>,
    pub(crate) created_at: Timestamp,
}

/// The current negotiation.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    offer: ShownDescription,
    answer: ShownDescription,
    ice_candidates: Vec<ShownCandidate>,
}

/// It, in its place.
#[derive(Serialize, ToSchema)]
pub struct SnapshotData {
    signaling: Snapshot,
}

/// Read the signaling of a call. Of a finished one it is empty.
#[utoipa::path(get, path = "/communication/session/{sessionId}/webrtc", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), responses(
    (status = 200, body = DataOnly<SnapshotData>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn read(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<(NoStore, Json<DataOnly<SnapshotData>>)> {
    let signaling = match ask(&state, id, &RoomRequest::Signals { user }).await? {
        Some(RoomReply::Signals(signals)) => snapshot(signals),
        Some(_) => return Err(unexpected()),
        None => recorded_member(&state, id, user).await.map(|_| Snapshot::default())?,
    };
    Ok((NO_STORE, data(SnapshotData { signaling })))
}

fn snapshot(signals: Signals) -> Snapshot {
    Snapshot {
        offer: signals.offer.map(|frame| description(frame, "offer")).unwrap_or_default(),
        answer: signals.answer.map(|frame| description(frame, "answer")).unwrap_or_default(),
        ice_candidates: signals.candidates.into_iter().filter_map(candidate).collect(),
    }
}

fn description(frame: Frame, kind: &'static str) -> ShownDescription {
    match frame.event {
        Event::Offer(Description { sdp, .. }) | Event::Answer(Description { sdp, .. }) => ShownDescription {
            from: Some(frame.from),
            kind: Some(kind),
            sdp: Some(sdp),
            created_at: Some(frame.ts),
        },
        _ => ShownDescription::default(),
    }
}

fn candidate(frame: Frame) -> Option<ShownCandidate> {
    let Event::Candidate(Candidate { id, text, sdp_mid, sdp_m_line_index, .. }) = frame.event else {
        return None;
    };
    Some(ShownCandidate {
        id,
        from: frame.from,
        candidate: text,
        sdp_mid,
        sdp_m_line_index,
        created_at: frame.ts,
    })
}

/// A session description.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct PostedDescription {
    /// `offer` or `answer`, as the route says.
    r#type: String,
    /// At most 64 KiB.
    sdp: String,
}

/// Store the offer. The last writer keeps the slot, and the old answer goes.
#[utoipa::path(post, path = "/communication/session/{sessionId}/webrtc/offer", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), request_body = PostedDescription, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "The session is over"),
))]
#[worker::send]
pub async fn offer(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Done>> {
    let sdp = sdp(&body, "offer")?;
    post(&state, id, user, &RoomRequest::Offer { user, sdp }).await
}

/// Store the answer to the current offer of the other side.
#[utoipa::path(post, path = "/communication/session/{sessionId}/webrtc/answer", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), request_body = PostedDescription, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "No offer of the other side, or the session is over"),
))]
#[worker::send]
pub async fn answer(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Done>> {
    let sdp = sdp(&body, "answer")?;
    post(&state, id, user, &RoomRequest::Answer { user, sdp }).await
}

fn sdp(body: &Map<String, Value>, kind: &str) -> ApiResult<String> {
    let mut checks = Checks::new(body);
    let type_text = if kind == "offer" { "type must be offer" } else { "type must be answer" };
    let is_kind = checks.required("type", type_text, |text| (text == kind).then_some(()));
    // Not trimmed: a session description ends with a line break, and comes back byte for byte.
    let sdp =
        body.get("sdp").and_then(Value::as_str).filter(|sdp| !sdp.is_empty() && sdp.len() <= MAX_SDP_BYTES);
    if sdp.is_none() {
        checks.complain("sdp", "sdp must be text of 1 to 65536 bytes", None);
    }
    checks.finish(is_kind.and(sdp).map(str::to_owned))
}

/// A candidate.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct PostedCandidate {
    /// JSON text of the whole candidate, or the candidate line; at most 2 KiB.
    candidate: String,
    sdp_mid: Option<String>,
    sdp_m_line_index: Option<u16>,
}

/// Append a candidate. It may come before its offer; a repeat changes nothing.
#[utoipa::path(post, path = "/communication/session/{sessionId}/webrtc/ice", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), request_body = PostedCandidate, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
    (status = 409, body = ErrorBody, description = "The session is over"),
))]
#[worker::send]
pub async fn ice(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Done>> {
    let mut checks = Checks::new(&body);
    let text = body.get("candidate").and_then(Value::as_str);
    let text = text.filter(|text| !text.is_empty() && text.len() <= MAX_CANDIDATE_BYTES);
    if text.is_none() {
        checks.complain("candidate", "candidate must be text of 1 to 2048 bytes", None);
    }
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let sdp_mid = given("sdpMid").map(|mid| mid.as_str().filter(|mid| mid.len() <= 256));
    if sdp_mid == Some(None) {
        checks.complain("sdpMid", "sdpMid must be short text", given("sdpMid").cloned());
    }
    let index = given("sdpMLineIndex").map(line_index);
    if index == Some(None) {
        checks.complain(
            "sdpMLineIndex",
            "sdpMLineIndex must be a small whole number",
            given("sdpMLineIndex").cloned(),
        );
    }
    let text = checks.finish(text)?.to_owned();
    let sdp_mid = sdp_mid.flatten().map(str::to_owned);
    let request = RoomRequest::Candidate { user, text, sdp_mid, sdp_m_line_index: index.flatten() };
    post(&state, id, user, &request).await
}

/// A number, or a number as text.
pub fn line_index(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|index| u16::try_from(index).ok()).or_else(|| value.as_str()?.trim().parse().ok())
}

/// Empty offer, answer and candidates.
#[utoipa::path(post, path = "/communication/session/{sessionId}/webrtc/clear", tag = "communication",
    security(("bearer" = [])), params(("sessionId" = Id, Path)), responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not a participant"),
    (status = 404, body = ErrorBody, description = "No such session"),
))]
#[worker::send]
pub async fn clear(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Done>> {
    match ask(&state, id, &RoomRequest::Clear { user }).await? {
        Some(_) => Ok(ok()),
        None => recorded_member(&state, id, user).await.map(|_| ok()),
    }
}

/// Posts into a room; a room that is gone had a session that is over, or never had one.
async fn post(state: &Shared, id: Id, user: Id, request: &RoomRequest) -> ApiResult<Json<Done>> {
    match ask(state, id, request).await? {
        Some(_) => Ok(ok()),
        None => Err(gone(state, id, user).await),
    }
}
