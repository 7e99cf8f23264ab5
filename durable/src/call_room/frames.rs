//! The frames that a room makes, and the fields of those that it reads. docs/realtime.md describes both.

use domain::{
    Id,
    chat::Draft,
    session::Status,
    signaling::{Event, Frame, MAX_SDP_BYTES, NegotiationRole, Refusal, Transport},
};
use serde_json::{Value, json};

use super::{api::RoomRefusal, room::Room};
use crate::runtime::now;

/// Chat lines in a snapshot.
const SNAPSHOT_LINES: usize = 50;

/// Why a frame is refused: code and text of the error frame.
pub(super) type FrameError = (&'static str, &'static str);

pub(super) fn error(id: Option<&str>, (code, message): FrameError) -> Value {
    json!({ "v": 1, "t": "error", "id": id, "d": { "code": code, "message": message } })
}

pub(super) fn explain(refusal: RoomRefusal) -> FrameError {
    match refusal {
        RoomRefusal::Unknown => ("not_found", "There is no such session"),
        RoomRefusal::NotParticipant => ("forbidden", "You are not part of this session"),
        RoomRefusal::Finished => ("conflict", "This session is over"),
        RoomRefusal::ChatFull => ("conflict", "This chat is full"),
        RoomRefusal::Join(_) => ("conflict", "Nobody waits here any more"),
        RoomRefusal::NotJoinable => ("conflict", "This call cannot be joined any more"),
        RoomRefusal::NotHost => ("forbidden", "Only the host can end this call"),
        RoomRefusal::Video(_) => ("conflict", "There is no request for video to answer"),
        RoomRefusal::Signaling(Refusal::NoOffer) => ("conflict", "There is no offer to answer"),
        RoomRefusal::Signaling(Refusal::OwnOffer) => ("conflict", "The current offer is your own"),
        RoomRefusal::Signaling(Refusal::StaleGeneration) => {
            ("conflict", "A newer offer has taken the place of that one")
        }
    }
}

pub(super) fn presence(user: Id, transport: Option<Transport>, role: Option<NegotiationRole>) -> Value {
    json!({ "v": 1, "t": "peer.presence", "ts": now(), "from": user,
        "d": { "userId": user, "online": transport.is_some(), "transport": transport, "yourRole": role } })
}

pub(super) fn snapshot(room: &Room, user: Id) -> Value {
    let session = &room.session;
    let participants: Vec<Value> = session
        .participants
        .iter()
        .map(|p| {
            json!({ "id": p.user.id, "name": p.user.name, "profilePicture": p.user.picture, "isActive": p.is_active(),
                "role": p.role.as_str(),
                "transport": room.transport(p.user.id) })
        })
        .collect();
    // A candidate that names an overtaken generation is for polling clients only.
    let is_current = |frame: &&Frame| match &frame.event {
        Event::Candidate(one) => !one.named || one.generation == room.signaling.generation(),
        _ => true,
    };
    let candidates: Vec<&Frame> = room.signaling.candidates().iter().filter(is_current).collect();
    let newest = room.lines.len().saturating_sub(SNAPSHOT_LINES);
    json!({ "v": 1, "t": "room.snapshot", "seq": room.seq, "ts": now(), "d": {
        "room": format!("session:{}", session.id),
        "sessionType": session.session_type,
        "status": session.status,
        "isLive": session.status == Status::Active,
        "participants": participants,
        "role": room.role_of(user),
        "offer": room.signaling.current_offer(),
        "answer": room.signaling.current_answer(),
        "candidates": candidates,
        "videoRequest": room.video.as_ref().filter(|request| request.is_pending(now())),
        "messages": room.lines.get(newest..),
    } })
}

pub(super) fn sdp(data: &Value) -> Result<String, FrameError> {
    let sdp =
        data.get("sdp").and_then(Value::as_str).filter(|sdp| !sdp.is_empty() && sdp.len() <= MAX_SDP_BYTES);
    sdp.map(str::to_owned).ok_or(("validation", "sdp must be text of 1 to 65536 bytes"))
}

pub(super) fn generation(data: &Value) -> Option<u32> {
    data.get("generation").and_then(Value::as_u64).and_then(|generation| u32::try_from(generation).ok())
}

pub(super) fn draft(data: &Value) -> Result<Draft, FrameError> {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    Draft::check(text("message"), text("messageType").or(Some("text")), text("mediaUrl"), text("replyTo"))
        .map_err(|complaints| {
            ("validation", complaints.first().map_or("Invalid message", |complaint| complaint.1))
        })
}
