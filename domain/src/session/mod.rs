//! A session: a chat or call of two, matched or scheduled, or a scheduled call of several (contract:
//! x-signaling.session-states).
//!
//! `waiting_for_partner → active → completed`, or `waiting_for_partner → cancelled`; `scheduled → active → completed`, or
//! `scheduled → completed` when it is declined, or `scheduled → cancelled` when nobody came. Completed and cancelled are
//! final: what ends a session twice changes nothing.

mod call;
mod kind;
mod video;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use call::{MediaChange, MediaState, NotJoinable, VideoQuality};
pub use kind::{EndReason, ParticipantRole, SessionType, Status, readable_key};
pub use video::{VIDEO_REQUEST_MS, VideoAnswer, VideoRefusal, VideoRequest};

use crate::{Id, Timestamp};

/// What others may see of a learner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Account.
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Picture address.
    pub picture: Option<String>,
    /// `beginner`, `intermediate` or `advanced`.
    pub level: String,
    /// Region whose leaderboard the learner is on.
    pub region: Id,
}

/// One side of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Id of the entry in the stored document.
    pub entry: Id,
    /// Who.
    pub user: Card,
    /// Host or participant.
    pub role: ParticipantRole,
    /// When he came in.
    pub joined_at: Timestamp,
    /// When he left; only once he did.
    pub left_at: Option<Timestamp>,
    /// Seconds in the active session.
    pub duration: i64,
    /// He was in it: by matchmaking, or by joining what was set up.
    pub entered: bool,
    /// Microphone, camera and voice.
    pub media: MediaState,
}

impl Participant {
    fn new(session: Id, n: usize, user: Card, session_type: SessionType, now: Timestamp) -> Self {
        let role = if n == 1 { ParticipantRole::Host } else { ParticipantRole::Participant };
        let media = MediaState::of(session_type);
        let entry = entry_id(session, n);
        Self { entry, user, role, joined_at: now, left_at: None, duration: 0, entered: true, media }
    }

    /// Still in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.left_at.is_none()
    }

    fn go(&mut self, started: Option<Timestamp>, now: Timestamp) {
        self.left_at = Some(now);
        let from = started.map(|start| start.max(self.joined_at));
        self.duration += from.map_or(0, |from| now.seconds_since(from));
    }
}

/// Region of a session, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegionName {
    /// Display name.
    pub name: String,
    /// Short upper-case code.
    pub code: String,
}

/// A session with everything that is recorded of it, less the chat lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Document id; the room's name.
    pub id: Id,
    /// Readable key: kind, milliseconds, random tail.
    pub key: String,
    /// Kind.
    pub session_type: SessionType,
    /// In few words.
    pub title: String,
    /// In more words; may be empty.
    pub description: String,
    /// Region of the host.
    pub region: Id,
    /// Host first.
    pub participants: Vec<Participant>,
    /// Most people.
    pub capacity: u16,
    /// State.
    pub status: Status,
    /// When the host began to wait, or set it up.
    pub created_at: Timestamp,
    /// When the partner came, or the first one joined.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Seconds from start to end; 0 when it never started.
    pub duration: i64,
    /// Who ended it.
    pub ended_by: Option<Id>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
}

/// Why somebody cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinRefusal {
    /// Nobody waits here any more.
    NotWaiting,
    /// The host would be his own partner.
    OwnSession,
}

impl Session {
    /// A host begins to wait. The contract's key starts with `chat_` for all three types.
    #[must_use]
    pub fn waiting(
        id: Id,
        session_type: SessionType,
        host: Card,
        region: &RegionName,
        now: Timestamp,
    ) -> Self {
        let tail: String = id.to_string().chars().skip(16).collect();
        Self {
            id,
            key: format!("chat_{}_{tail}", now.millis()),
            session_type,
            title: session_type.title().to_owned(),
            description: format!("Matched with a learner from {}", region.name),
            region: host.region,
            participants: vec![Participant::new(id, 1, host, session_type, now)],
            capacity: 2,
            status: Status::WaitingForPartner,
            created_at: now,
            started_at: None,
            ended_at: None,
            duration: 0,
            ended_by: None,
            end_reason: None,
        }
    }

    /// A partner joins the waiting host, and the session is active.
    pub fn join(&mut self, partner: Card, now: Timestamp) -> Result<(), JoinRefusal> {
        if self.participant(partner.id).is_some() {
            return Err(JoinRefusal::OwnSession);
        }
        if self.status != Status::WaitingForPartner {
            return Err(JoinRefusal::NotWaiting);
        }
        self.participants.push(Participant::new(self.id, 2, partner, self.session_type, now));
        self.status = Status::Active;
        self.started_at = Some(now);
        Ok(())
    }

    /// Ends the session for all on behalf of `by`. A wait is cancelled, and a call that nobody joined in time; anything
    /// else is completed. Says whether anything changed.
    pub fn end(&mut self, by: Id, reason: EndReason, now: Timestamp) -> bool {
        if self.status.is_final() {
            return false;
        }
        let waited = self.status == Status::WaitingForPartner;
        let missed = self.status == Status::Scheduled && reason == EndReason::LeaseExpired;
        self.status = if waited || missed { Status::Cancelled } else { Status::Completed };
        self.end_reason =
            Some(if waited && reason == EndReason::Left { EndReason::Cancelled } else { reason });
        self.ended_at = Some(now);
        self.ended_by = Some(by);
        self.duration = self.started_at.map_or(0, |start| now.seconds_since(start));
        let started = self.started_at;
        for participant in self.participants.iter_mut().filter(|participant| participant.is_active()) {
            participant.go(started, now);
        }
        true
    }

    /// Whether those who were in it get a point: once two of them were, so that nobody farms alone.
    #[must_use]
    pub fn gives_points(&self) -> bool {
        self.started_at.is_some() && self.entered().count() >= 2
    }

    /// Everybody who was in it.
    pub fn entered(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|participant| participant.entered)
    }

    /// The entry of a user.
    #[must_use]
    pub fn participant(&self, user: Id) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.user.id == user)
    }

    /// The other side.
    #[must_use]
    pub fn partner_of(&self, user: Id) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.user.id != user)
    }

    /// The first participant.
    #[must_use]
    pub fn host(&self) -> Option<&Participant> {
        self.participants.first()
    }
}

/// The id of participant entry `n`: derived, so that writing the record again writes the same entry.
fn entry_id(session: Id, n: usize) -> Id {
    let mut bytes = session.bytes();
    if let Some(last) = bytes.last_mut() {
        *last ^= u8::try_from(n).unwrap_or(u8::MAX);
    }
    Id::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(n: u8) -> Card {
        Card {
            id: Id::from([n; 12]),
            name: format!("Learner {n}"),
            picture: None,
            level: "beginner".into(),
            region: Id::from([9; 12]),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn waiting() -> Session {
        let region = RegionName { name: "Delhi".into(), code: "DEL".into() };
        Session::waiting(Id::from([5; 12]), SessionType::VoiceCall, card(1), &region, at(100))
    }

    #[test]
    fn a_match_makes_a_session_active_for_two_and_only_two() {
        let mut session = waiting();
        assert_eq!(session.join(card(1), at(105)), Err(JoinRefusal::OwnSession));
        session.join(card(2), at(110)).unwrap();
        assert_eq!((session.status, session.started_at), (Status::Active, Some(at(110))));
        assert_eq!(session.join(card(3), at(111)), Err(JoinRefusal::NotWaiting));
        assert_eq!(session.partner_of(card(1).id).unwrap().user, card(2));
        assert_eq!(session.participants.len(), 2);
        assert_ne!(session.participants[0].entry, session.participants[1].entry);
    }

    #[test]
    fn leaving_ends_it_for_both_and_only_once() {
        let mut session = waiting();
        session.join(card(2), at(110)).unwrap();
        assert!(session.end(card(2).id, EndReason::Left, at(172)));
        assert_eq!((session.status, session.duration), (Status::Completed, 62));
        assert!(session.participants.iter().all(|p| !p.is_active() && p.duration == 62));
        let ended = session.clone();
        assert!(!session.end(card(1).id, EndReason::Left, at(999)));
        assert_eq!(session, ended);
    }

    #[test]
    fn a_wait_that_is_left_is_cancelled_and_has_no_duration() {
        let mut session = waiting();
        assert!(session.end(card(1).id, EndReason::Left, at(130)));
        assert_eq!((session.status, session.duration), (Status::Cancelled, 0));
        assert_eq!(session.end_reason, Some(EndReason::Cancelled));
        assert_eq!(session.join(card(2), at(131)), Err(JoinRefusal::NotWaiting));
    }
}
