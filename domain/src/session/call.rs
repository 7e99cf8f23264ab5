//! Calls that are set up for invited people, and what participants do with microphone and camera.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Card, EndReason, Participant, ParticipantRole, Session, SessionType, Status, readable_key};
use crate::{Id, Timestamp};

/// A call that nobody joins within this time is cancelled (x-signaling.recommended-leases), ms.
const SCHEDULED_LEASE_MS: i64 = 120_000;

/// How good a picture a participant sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoQuality {
    /// For slow networks.
    Low,
    /// Between them.
    Medium,
    /// As good as it gets.
    #[default]
    High,
}

/// Microphone, camera and voice of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaState {
    /// The microphone is on.
    pub mic_enabled: bool,
    /// The camera is on.
    pub camera_enabled: bool,
    /// He speaks.
    pub is_speaking: bool,
    /// How loud, 0 to 100.
    pub audio_level: f64,
    /// How good a picture he sends.
    pub video_quality: VideoQuality,
}

/// A change of some of it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaChange {
    /// The microphone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mic_enabled: Option<bool>,
    /// The camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera_enabled: Option<bool>,
    /// The voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_speaking: Option<bool>,
    /// How loud, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_level: Option<f64>,
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_quality: Option<VideoQuality>,
}

impl MediaState {
    /// What participants of a type begin with.
    #[must_use]
    pub fn of(session_type: SessionType) -> Self {
        Self {
            mic_enabled: true,
            camera_enabled: session_type.has_video(),
            is_speaking: false,
            audio_level: 0.0,
            video_quality: VideoQuality::High,
        }
    }

    /// Takes a change in; what it does not name stays.
    pub fn change(&mut self, change: MediaChange) {
        self.mic_enabled = change.mic_enabled.unwrap_or(self.mic_enabled);
        self.camera_enabled = change.camera_enabled.unwrap_or(self.camera_enabled);
        self.is_speaking = change.is_speaking.unwrap_or(self.is_speaking);
        self.audio_level = change.audio_level.unwrap_or(self.audio_level);
        self.video_quality = change.video_quality.unwrap_or(self.video_quality);
    }
}

impl MediaChange {
    /// Whether all values are within their bounds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.audio_level.is_none_or(|level| (0.0..=100.0).contains(&level))
    }

    /// It concerns what the record keeps: voice and loudness pass by.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.mic_enabled.is_some() || self.camera_enabled.is_some() || self.video_quality.is_some()
    }
}

/// Nobody can join: the call is over, or it is a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJoinable;

impl Session {
    /// A call that its host sets up with others.
    #[must_use]
    pub fn scheduled(
        id: Id,
        session_type: SessionType,
        (title, description): (String, String),
        (host, others): (Card, Vec<Card>),
        capacity: u16,
        now: Timestamp,
    ) -> Self {
        let prefix = session_type.as_str().trim_end_matches("_call");
        let region = host.region;
        let people = std::iter::once(host).chain(others).zip(1..);
        Self {
            id,
            key: readable_key(prefix, id, now),
            session_type,
            title,
            description,
            region,
            participants: people
                .map(|(user, n)| Participant {
                    entered: false,
                    ..Participant::new(id, n, user, session_type, now)
                })
                .collect(),
            capacity,
            status: Status::Scheduled,
            created_at: now,
            started_at: None,
            ended_at: None,
            duration: 0,
            ended_by: None,
            end_reason: None,
        }
    }

    /// A participant enters: the first one makes the call active. Entering again is harmless.
    pub fn enter(&mut self, user: Id, media: MediaChange, now: Timestamp) -> Result<(), NotJoinable> {
        if !matches!(self.status, Status::Scheduled | Status::Active) {
            return Err(NotJoinable);
        }
        let started = self.started_at;
        if let Some(participant) = self.participants.iter_mut().find(|entry| entry.user.id == user) {
            if participant.entered && participant.is_active() {
                // The time so far counts.
                participant.go(started, now);
            }
            participant.joined_at = now;
            participant.left_at = None;
            participant.entered = true;
            participant.media.change(media);
        }
        self.status = Status::Active;
        self.started_at.get_or_insert(now);
        Ok(())
    }

    /// A participant leaves. Of two, that ends it for both; of several, the others go on until the last one leaves, or
    /// the host calls off what has not begun. Says whether anything changed.
    pub fn leave(&mut self, user: Id, reason: EndReason, now: Timestamp) -> bool {
        if !self.session_type.is_group() || self.status.is_final() {
            return self.end(user, reason, now);
        }
        let (started, scheduled) = (self.started_at, self.status == Status::Scheduled);
        let Some(entry) = self.participants.iter_mut().find(|p| p.user.id == user && p.is_active()) else {
            return false;
        };
        let calls_off = scheduled && entry.role == ParticipantRole::Host;
        entry.go(started, now);
        if calls_off || self.participants.iter().all(|participant| !participant.is_active()) {
            self.end(user, reason, now);
        }
        true
    }

    /// When the call is cancelled unless somebody joins.
    #[must_use]
    pub fn joins_until(&self) -> Option<Timestamp> {
        (self.status == Status::Scheduled).then(|| self.created_at.plus(SCHEDULED_LEASE_MS))
    }
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

    fn scheduled(session_type: SessionType, many: u8) -> Session {
        let others = (2..=many).map(card).collect();
        let texts = ("A call".into(), String::new());
        Session::scheduled(Id::from([5; 12]), session_type, texts, (card(1), others), 20, at(100))
    }

    #[test]
    fn the_first_to_enter_makes_it_active() {
        let mut call = scheduled(SessionType::VideoCall, 2);
        assert!(call.key.starts_with("video_100000_"));
        let mute = MediaChange { mic_enabled: Some(false), ..MediaChange::default() };
        call.enter(card(2).id, mute, at(110)).unwrap();
        assert!(!call.gives_points(), "nobody else was there");
        assert_eq!((call.status, call.started_at), (Status::Active, Some(at(110))));
        call.enter(card(1).id, MediaChange::default(), at(120)).unwrap();
        assert_eq!(call.started_at, Some(at(110)));
        assert!(call.gives_points());
        call.enter(card(1).id, MediaChange::default(), at(125)).unwrap();
        let media = call.participant(card(2).id).unwrap().media;
        assert_eq!((media.mic_enabled, media.camera_enabled), (false, true));
        assert!(call.leave(card(1).id, EndReason::Left, at(130)));
        assert_eq!((call.status, call.participants[0].duration), (Status::Completed, 10));
        assert_eq!(call.enter(card(1).id, MediaChange::default(), at(131)), Err(NotJoinable));
    }

    #[test]
    fn of_several_the_others_go_on() {
        let mut call = scheduled(SessionType::GroupVoiceCall, 3);
        for n in 1..=3 {
            call.enter(card(n).id, MediaChange::default(), at(110)).unwrap();
        }
        assert!(call.leave(card(1).id, EndReason::Left, at(120)));
        assert!(!call.leave(card(1).id, EndReason::Left, at(121)));
        assert_eq!(call.status, Status::Active);
        call.enter(card(1).id, MediaChange::default(), at(125)).unwrap();
        for n in 1..=3 {
            call.leave(card(n).id, EndReason::Left, at(130));
        }
        assert_eq!((call.status, call.participants[0].duration), (Status::Completed, 15));
        assert_eq!(call.ended_by, Some(card(3).id));
    }

    #[test]
    fn what_nobody_joins_is_cancelled_and_what_is_declined_is_over() {
        let mut missed = scheduled(SessionType::VoiceCall, 2);
        assert_eq!(missed.joins_until(), Some(at(220)));
        assert!(missed.end(card(1).id, EndReason::LeaseExpired, at(221)));
        assert_eq!((missed.status, missed.duration), (Status::Cancelled, 0));
        let mut declined = scheduled(SessionType::VoiceCall, 2);
        assert!(declined.leave(card(2).id, EndReason::Left, at(110)));
        assert_eq!((declined.status, declined.duration), (Status::Completed, 0));
        let mut called_off = scheduled(SessionType::GroupVideoCall, 4);
        assert!(called_off.leave(card(1).id, EndReason::Left, at(110)));
        assert_eq!(called_off.status, Status::Completed);
    }
}
