//! Signaling of one call (contract: x-signaling.one-to-one-call and x-signaling.websocket).
//!
//! One offer slot, one answer slot, and the candidates of each side, shared by polling and socket clients. Every offer
//! opens a new generation and drops the old answer; an answer belongs to the generation it answers. State is a fold over
//! the frames of the room's log, so what is rebuilt after a restart is what was there before.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Id, Timestamp,
    chat::Line,
    session::{EndReason, SessionType, Status, VideoRequest},
};

/// Longest session description, bytes.
pub const MAX_SDP_BYTES: usize = 64 * 1024;
/// Longest candidate text, bytes.
pub const MAX_CANDIDATE_BYTES: usize = 2 * 1024;
/// Candidates kept of each side; a newer one takes the place of the oldest.
pub const MAX_CANDIDATES: usize = 100;

/// Something that happened in a room and is kept in its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", content = "d")]
pub enum Event {
    /// A session description that opens a generation.
    #[serde(rename = "sdp.offer")]
    Offer(Description),
    /// The answer to the offer of its generation.
    #[serde(rename = "sdp.answer")]
    Answer(Description),
    /// An ICE candidate.
    #[serde(rename = "ice.candidate")]
    Candidate(Candidate),
    /// Everything so far is void.
    #[serde(rename = "sdp.reset")]
    Reset {
        /// The generation that the next offer will top.
        generation: u32,
    },
    /// A chat line.
    #[serde(rename = "chat.message")]
    Chat(Line),
    /// A side asks for pictures.
    #[serde(rename = "video.request")]
    VideoRequest(VideoRequest),
    /// The other side answered that.
    #[serde(rename = "video.answer")]
    VideoAnswer(VideoRequest),
    /// The session changed its state.
    #[serde(rename = "session.status", rename_all = "camelCase")]
    Status {
        /// New state.
        status: Status,
        /// Its type, which changes when a voice call gets pictures.
        session_type: SessionType,
        /// Who ended it.
        ended_by: Option<EndedBy>,
        /// Why it ended.
        reason: Option<EndReason>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Seconds it was active.
        duration: i64,
    },
}

/// Who ended a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedBy {
    /// Account.
    pub id: Id,
    /// Display name.
    pub name: String,
}

/// A session description within its generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Which offer this is or answers.
    pub generation: u32,
    /// The SDP, byte for byte as sent.
    pub sdp: String,
}

/// An ICE candidate with its fields, and the text a polling client sent instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Id of the entry.
    pub id: Id,
    /// Newest generation when it came.
    pub generation: u32,
    /// The sender said himself which generation it belongs to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    /// The candidate line.
    pub candidate: String,
    /// Media stream id.
    pub sdp_mid: Option<String>,
    /// Media line.
    pub sdp_m_line_index: Option<u16>,
    /// What polling clients post and get back, byte for byte; it is also their key against repeats.
    pub text: String,
}

/// An [`Event`] in its place in the room's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Protocol version.
    pub v: u8,
    /// Place in the log: +1 for each frame of the room.
    pub seq: u64,
    /// When it was accepted.
    pub ts: Timestamp,
    /// Whose it is.
    pub from: Id,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Who makes the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NegotiationRole {
    /// Creates the offer.
    Offerer,
    /// Waits for an offer and answers it.
    Answerer,
}

/// How a participant reaches the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Asks again and again.
    Polling,
    /// Holds a socket.
    Socket,
}

/// Why a signaling message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no offer to answer.
    NoOffer,
    /// Nobody answers his own offer.
    OwnOffer,
    /// A newer offer has taken its place.
    StaleGeneration,
}

/// The role of a socket client: the host answers, the seeker offers, and a polling peer always offers
/// (x-signaling.websocket.negotiation).
#[must_use]
pub fn role(is_host: bool, peer: Transport) -> NegotiationRole {
    if peer == Transport::Socket && !is_host { NegotiationRole::Offerer } else { NegotiationRole::Answerer }
}

/// The current negotiation.
#[derive(Debug, Default)]
pub struct Signaling {
    generation: u32,
    offer: Option<Frame>,
    answer: Option<Frame>,
    candidates: Vec<Frame>,
}

impl Signaling {
    /// A new offer. The last writer keeps the slot, which is what makes two offers at once safe.
    #[must_use]
    pub fn offer(&self, sdp: String) -> Event {
        Event::Offer(Description { generation: self.generation + 1, sdp })
    }

    /// An answer to the offer of `generation`, or to the current one.
    pub fn answer(&self, from: Id, generation: Option<u32>, sdp: String) -> Result<Event, Refusal> {
        let offer = self.offer.as_ref().ok_or(Refusal::NoOffer)?;
        if offer.from == from {
            return Err(Refusal::OwnOffer);
        }
        if generation.is_some_and(|generation| generation != self.generation) {
            return Err(Refusal::StaleGeneration);
        }
        Ok(Event::Answer(Description { generation: self.generation, sdp }))
    }

    /// A candidate, or `None` when the same text of the same side is kept already. It may come before its offer.
    #[must_use]
    pub fn candidate(&self, from: Id, candidate: Candidate) -> Option<Event> {
        let known = self.candidates.iter().any(
            |frame| matches!(&frame.event, Event::Candidate(kept) if frame.from == from && kept.text == candidate.text),
        );
        (!known).then_some(Event::Candidate(Candidate { generation: self.generation, ..candidate }))
    }

    /// Empties both slots and the candidates.
    #[must_use]
    pub fn reset(&self) -> Event {
        Event::Reset { generation: self.generation }
    }

    /// The slots of the log that an event of `from` makes void.
    #[must_use]
    pub fn superseded(&self, from: Id, event: &Event) -> Vec<String> {
        match event {
            Event::Offer(_) => self.answer.iter().map(|frame| slot(&frame.event)).collect(),
            Event::Candidate(_) => {
                let mut own = self.candidates.iter().filter(|frame| frame.from == from);
                let oldest = own.next();
                if own.count() + 1 < MAX_CANDIDATES {
                    Vec::new()
                } else {
                    oldest.iter().map(|frame| slot(&frame.event)).collect()
                }
            }
            Event::Reset { .. } => self
                .offer
                .iter()
                .chain(&self.answer)
                .chain(&self.candidates)
                .map(|frame| slot(&frame.event))
                .collect(),
            Event::Answer(_)
            | Event::Chat(_)
            | Event::VideoRequest(_)
            | Event::VideoAnswer(_)
            | Event::Status { .. } => Vec::new(),
        }
    }

    /// Takes a logged frame into the state. Only descriptions and candidates concern it.
    pub fn apply(&mut self, frame: &Frame) {
        match &frame.event {
            Event::Offer(offer) => {
                self.generation = offer.generation;
                self.offer = Some(frame.clone());
                self.answer = None;
            }
            Event::Answer(_) => self.answer = Some(frame.clone()),
            Event::Candidate(_) => {
                let void = self.superseded(frame.from, &frame.event);
                self.candidates.retain(|kept| !void.contains(&slot(&kept.event)));
                self.candidates.push(frame.clone());
            }
            Event::Reset { generation } => *self = Self { generation: *generation, ..Self::default() },
            Event::Chat(_) | Event::VideoRequest(_) | Event::VideoAnswer(_) | Event::Status { .. } => {}
        }
    }

    /// The number of the newest offer.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The offer in the slot.
    #[must_use]
    pub fn current_offer(&self) -> Option<&Frame> {
        self.offer.as_ref()
    }

    /// The answer in the slot.
    #[must_use]
    pub fn current_answer(&self) -> Option<&Frame> {
        self.answer.as_ref()
    }

    /// All kept candidates, oldest first.
    #[must_use]
    pub fn candidates(&self) -> &[Frame] {
        &self.candidates
    }
}

/// The place in the log that an event takes; an event at an occupied place replaces what is there.
#[must_use]
pub fn slot(event: &Event) -> String {
    match event {
        Event::Offer(_) => "offer".to_owned(),
        Event::Answer(_) => "answer".to_owned(),
        Event::Candidate(candidate) => format!("ice:{}", candidate.id),
        Event::Reset { .. } => "reset".to_owned(),
        Event::Chat(line) => format!("chat:{}", line.id),
        Event::VideoRequest(_) | Event::VideoAnswer(_) => "video".to_owned(),
        Event::Status { .. } => "status".to_owned(),
    }
}

/// The fields of a candidate that a polling client posted: the text is either JSON of the whole candidate object, as the
/// app sends it, or the bare candidate line.
#[must_use]
pub fn candidate_from_text(
    id: Id,
    text: String,
    sdp_mid: Option<String>,
    sdp_m_line_index: Option<u16>,
) -> Candidate {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        candidate: String,
        sdp_mid: Option<String>,
        sdp_m_line_index: Option<u16>,
    }
    let (candidate, mid, index) = match serde_json::from_str::<Fields>(&text) {
        Ok(fields) => {
            (fields.candidate, fields.sdp_mid.or(sdp_mid), fields.sdp_m_line_index.or(sdp_m_line_index))
        }
        Err(_) => (text.clone(), sdp_mid, sdp_m_line_index),
    };
    Candidate { id, generation: 0, named: false, candidate, sdp_mid: mid, sdp_m_line_index: index, text }
}

/// The text that polling clients get of a candidate that came by socket.
#[must_use]
pub fn candidate_text(candidate: &str, sdp_mid: Option<&str>, sdp_m_line_index: Option<u16>) -> String {
    serde_json::json!({ "candidate": candidate, "sdpMLineIndex": sdp_m_line_index, "sdpMid": sdp_mid })
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const A: [u8; 12] = [1; 12];
    const B: [u8; 12] = [2; 12];

    /// A room's log: the state, and the rows by slot as the object stores them.
    #[derive(Default)]
    struct Room {
        state: Signaling,
        rows: HashMap<String, Frame>,
        seq: u64,
    }

    impl Room {
        fn log(&mut self, from: [u8; 12], event: Event) {
            self.seq += 1;
            let from = Id::from(from);
            let frame = Frame { v: 1, seq: self.seq, ts: Timestamp::from_millis(0), from, event };
            for void in self.state.superseded(from, &frame.event) {
                self.rows.remove(&void);
            }
            self.rows.insert(slot(&frame.event), frame.clone());
            self.state.apply(&frame);
        }

        fn rebuilt(&self) -> Signaling {
            let mut frames: Vec<_> = self.rows.values().collect();
            frames.sort_by_key(|frame| frame.seq);
            let mut state = Signaling::default();
            for frame in frames {
                state.apply(frame);
            }
            state
        }
    }

    fn ice(side: u8, n: u8) -> Candidate {
        let id = Id::from([side, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        candidate_from_text(id, format!("candidate:{n}"), None, Some(0))
    }

    #[test]
    fn two_offers_at_once_leave_one_offerer() {
        let mut room = Room::default();
        let (first, second) = (room.state.offer("a".into()), room.state.offer("b".into()));
        room.log(A, first);
        room.log(B, second);
        assert_eq!(room.state.answer(Id::from(B), None, "x".into()), Err(Refusal::OwnOffer));
        assert!(room.state.answer(Id::from(A), None, "x".into()).is_ok());
        assert_eq!(room.state.current_offer().unwrap().from, Id::from(B));
    }

    #[test]
    fn a_new_offer_drops_the_answer_and_refuses_late_ones() {
        let mut room = Room::default();
        assert_eq!(room.state.answer(Id::from(B), None, "x".into()), Err(Refusal::NoOffer));
        room.log(A, room.state.offer("a".into()));
        let answer = room.state.answer(Id::from(B), Some(1), "x".into()).unwrap();
        room.log(B, answer);
        room.log(A, room.state.offer("restart".into()));
        assert!(room.state.current_answer().is_none());
        assert_eq!(room.state.answer(Id::from(B), Some(1), "late".into()), Err(Refusal::StaleGeneration));
    }

    #[test]
    fn candidates_are_kept_once_and_bounded_per_side() {
        let mut room = Room::default();
        for n in 0..150 {
            let event = room.state.candidate(Id::from(A), ice(1, n)).unwrap();
            room.log(A, event);
        }
        let event = room.state.candidate(Id::from(B), ice(2, 149)).unwrap();
        room.log(B, event);
        assert_eq!(room.state.candidate(Id::from(A), ice(3, 149)), None);
        assert_eq!(room.state.candidates().len(), 101);
        assert_eq!(room.rows.len(), 101);
    }

    #[test]
    fn the_text_of_the_app_becomes_fields_and_stays_as_it_was() {
        let text = r#"{"candidate":"candidate:1 1 udp","sdpMLineIndex":1,"sdpMid":"video"}"#;
        let parsed = candidate_from_text(Id::from(A), text.to_owned(), None, None);
        assert_eq!((parsed.candidate.as_str(), parsed.sdp_m_line_index), ("candidate:1 1 udp", Some(1)));
        assert_eq!(parsed.text, text);
        assert_eq!(candidate_text("candidate:1 1 udp", Some("video"), Some(1)), text);
        assert_eq!(
            candidate_from_text(Id::from(A), "candidate:2".into(), Some("0".into()), None).candidate,
            "candidate:2"
        );
    }

    #[test]
    fn frames_read_as_the_protocol_says() {
        let mut room = Room::default();
        room.log(A, room.state.offer("v=0".into()));
        let json = serde_json::to_value(room.state.current_offer().unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"v": 1, "seq": 1, "ts": "1970-01-01T00:00:00.000Z", "from": "010101010101010101010101",
                "t": "sdp.offer", "d": {"generation": 1, "sdp": "v=0"}})
        );
    }

    #[test]
    fn socket_clients_never_offer_to_polling_ones() {
        for (is_host, peer, expected) in [
            (true, Transport::Socket, NegotiationRole::Answerer),
            (false, Transport::Socket, NegotiationRole::Offerer),
            (true, Transport::Polling, NegotiationRole::Answerer),
            (false, Transport::Polling, NegotiationRole::Answerer),
        ] {
            assert_eq!(role(is_host, peer), expected);
        }
    }

    proptest! {
        #[test]
        fn a_restart_changes_nothing(steps in proptest::collection::vec((any::<bool>(), 0u8..10, 0u8..130), 0..400)) {
            let mut room = Room::default();
            for (side, what, n) in steps {
                let from = if side { A } else { B };
                let event = match what {
                    0 => Some(room.state.offer(format!("offer {n}"))),
                    1 | 2 => room.state.answer(Id::from(from), None, format!("answer {n}")).ok(),
                    3 => (n == 0).then(|| room.state.reset()),
                    _ => room.state.candidate(Id::from(from), ice(from[0], n)),
                };
                if let Some(event) = event {
                    room.log(from, event);
                }
            }
            let rebuilt = room.rebuilt();
            prop_assert_eq!(rebuilt.current_offer(), room.state.current_offer());
            prop_assert_eq!(rebuilt.current_answer(), room.state.current_answer());
            prop_assert_eq!(rebuilt.candidates(), room.state.candidates());
            prop_assert_eq!(rebuilt.generation, room.state.generation);
        }
    }
}
