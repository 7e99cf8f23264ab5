//! A 1:1 session: chat, voice call or video call (contract: x-signaling.session-states).
//!
//! `waiting_for_partner → active → completed`, or `waiting_for_partner → cancelled`. Completed and cancelled are final:
//! what ends a session twice changes nothing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Id, Timestamp};

/// What two learners are matched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionType {
    /// Text only; never gated.
    Chat,
    /// Audio, peer to peer.
    VoiceCall,
    /// Audio and video, peer to peer.
    VideoCall,
}

impl SessionType {
    /// The type as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::VoiceCall => "voice_call",
            Self::VideoCall => "video_call",
        }
    }

    /// The key of the feature that gates this type, if one does.
    #[must_use]
    pub fn feature_key(self) -> Option<&'static str> {
        match self {
            Self::Chat => None,
            Self::VoiceCall => Some("voice_calls"),
            Self::VideoCall => Some("video_calls"),
        }
    }

    /// `voice` or `video` for calls.
    #[must_use]
    pub fn call_type(self) -> Option<&'static str> {
        match self {
            Self::Chat => None,
            Self::VoiceCall => Some("voice"),
            Self::VideoCall => Some("video"),
        }
    }

    /// How long a learner may be silent before an active session ends (x-signaling.recommended-leases), ms.
    #[must_use]
    pub fn lease_ms(self) -> i64 {
        match self {
            Self::Chat => 300_000,
            Self::VoiceCall | Self::VideoCall => 90_000,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Chat => "Practice chat",
            Self::VoiceCall => "Voice call",
            Self::VideoCall => "Video call",
        }
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Planned for later.
    Scheduled,
    /// Both sides are in.
    Active,
    /// Over.
    Completed,
    /// Called off before it began.
    Cancelled,
    /// Broke down.
    Failed,
    /// The host waits in the queue.
    WaitingForPartner,
}

impl Status {
    /// The status as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::WaitingForPartner => "waiting_for_partner",
        }
    }

    /// Nothing can change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A participant left.
    Left,
    /// The waiter gave up.
    Cancelled,
    /// A participant was silent for too long.
    LeaseExpired,
}

/// The readable key of a session without a room: its kind, milliseconds, and the random end of its id.
#[must_use]
pub fn readable_key(kind: &str, id: Id, now: Timestamp) -> String {
    format!("{kind}_{}_{}", now.millis(), id.to_string().get(15..).unwrap_or_default())
}

/// Role of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParticipantRole {
    /// Began the session.
    Host,
    /// Joined it.
    Participant,
}

impl ParticipantRole {
    /// The role as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Participant => "participant",
        }
    }
}

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Participant {
    /// Still in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.left_at.is_none()
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

/// A 1:1 session with everything that is recorded of it, less the chat lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Document id; the room's name.
    pub id: Id,
    /// Readable key: `chat_`, milliseconds, random tail.
    pub key: String,
    /// Kind.
    pub session_type: SessionType,
    /// Two fixed words.
    pub title: String,
    /// Names the region.
    pub description: String,
    /// Region of the queue.
    pub region: Id,
    /// Host first.
    pub participants: Vec<Participant>,
    /// State.
    pub status: Status,
    /// When the host began to wait.
    pub created_at: Timestamp,
    /// When the partner came.
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
            participants: vec![Participant {
                entry: entry_id(id, 1),
                user: host,
                role: ParticipantRole::Host,
                joined_at: now,
                left_at: None,
                duration: 0,
            }],
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
        self.participants.push(Participant {
            entry: entry_id(self.id, 2),
            user: partner,
            role: ParticipantRole::Participant,
            joined_at: now,
            left_at: None,
            duration: 0,
        });
        self.status = Status::Active;
        self.started_at = Some(now);
        Ok(())
    }

    /// Ends the session on behalf of `by`. A wait is cancelled, anything else completed. Says whether anything changed.
    pub fn end(&mut self, by: Id, reason: EndReason, now: Timestamp) -> bool {
        if self.status.is_final() {
            return false;
        }
        let waited = self.status == Status::WaitingForPartner;
        self.status = if waited { Status::Cancelled } else { Status::Completed };
        self.end_reason =
            Some(if waited && reason == EndReason::Left { EndReason::Cancelled } else { reason });
        self.ended_at = Some(now);
        self.ended_by = Some(by);
        self.duration = self.started_at.map_or(0, |start| now.seconds_since(start));
        for participant in &mut self.participants {
            participant.left_at = Some(now);
            let from = self.started_at.map(|start| start.max(participant.joined_at));
            participant.duration = from.map_or(0, |from| now.seconds_since(from));
        }
        true
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
fn entry_id(session: Id, n: u8) -> Id {
    let mut bytes = session.bytes();
    if let Some(last) = bytes.last_mut() {
        *last ^= n;
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
