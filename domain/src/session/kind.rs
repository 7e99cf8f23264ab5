//! The words of sessions: types, states, roles, reasons.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Id, Timestamp};

/// What learners meet for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionType {
    /// Text only; never gated.
    Chat,
    /// Audio, peer to peer.
    VoiceCall,
    /// Audio and video, peer to peer.
    VideoCall,
    /// Audio of several people, each with each.
    GroupVoiceCall,
    /// Audio and video of several people, each with each.
    GroupVideoCall,
}

impl SessionType {
    /// The type as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::VoiceCall => "voice_call",
            Self::VideoCall => "video_call",
            Self::GroupVoiceCall => "group_voice_call",
            Self::GroupVideoCall => "group_video_call",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Chat, Self::VoiceCall, Self::VideoCall, Self::GroupVoiceCall, Self::GroupVideoCall]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    /// Of several people, each of whom may leave while the others go on.
    #[must_use]
    pub fn is_group(self) -> bool {
        matches!(self, Self::GroupVoiceCall | Self::GroupVideoCall)
    }

    /// With pictures.
    #[must_use]
    pub fn has_video(self) -> bool {
        self.call_type() == Some("video")
    }

    /// The key of the feature that gates this type, if one does. Calls of groups are gated when they are set up.
    #[must_use]
    pub fn feature_key(self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::GroupVoiceCall | Self::GroupVideoCall => None,
            Self::VoiceCall => Some("voice_calls"),
            Self::VideoCall => Some("video_calls"),
        }
    }

    /// `voice` or `video` for calls.
    #[must_use]
    pub fn call_type(self) -> Option<&'static str> {
        match self {
            Self::Chat => None,
            Self::VoiceCall | Self::GroupVoiceCall => Some("voice"),
            Self::VideoCall | Self::GroupVideoCall => Some("video"),
        }
    }

    /// How long a learner may be silent before an active session ends (x-signaling.recommended-leases), ms.
    #[must_use]
    pub fn lease_ms(self) -> i64 {
        match self {
            Self::Chat => 300_000,
            Self::VoiceCall | Self::VideoCall | Self::GroupVoiceCall | Self::GroupVideoCall => 90_000,
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Chat => "Practice chat",
            Self::VoiceCall => "Voice call",
            Self::VideoCall => "Video call",
            Self::GroupVoiceCall => "Group voice call",
            Self::GroupVideoCall => "Group video call",
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
    /// The host ended it for all.
    EndedByHost,
    /// A participant was silent for too long, or nobody came.
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
