//! The words of groups: states, kinds, settings, members, refusals, codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Id, Timestamp, chat::Sender, session::ParticipantRole};

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupStatus {
    /// Members gather.
    Waiting,
    /// As before; the old server knew it, and never set it.
    Ready,
    /// The discussion runs.
    Active,
    /// Over.
    Completed,
    /// Over, since nobody was left.
    Disbanded,
}

impl GroupStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Ready, Self::Active, Self::Completed, Self::Disbanded];

    /// As stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Disbanded => "disbanded",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Nothing can change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Disbanded)
    }
}

/// What a group does together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Discussion {
    /// Text.
    #[default]
    Chat,
    /// Audio.
    Voice,
    /// Audio and video.
    Video,
}

impl Discussion {
    /// Reads the stored form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "chat" => Some(Self::Chat),
            "voice" => Some(Self::Voice),
            "video" => Some(Self::Video),
            _ => None,
        }
    }
}

/// What a group may do together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupSettings {
    /// Video discussions.
    pub allow_video: bool,
    /// Voice discussions.
    pub allow_voice: bool,
    /// Chat, alone or beside the others.
    pub allow_chat: bool,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self { allow_video: true, allow_voice: true, allow_chat: true }
    }
}

impl GroupSettings {
    pub(super) fn allow(self, kind: Discussion) -> bool {
        match kind {
            Discussion::Chat => self.allow_chat,
            Discussion::Voice => self.allow_voice,
            Discussion::Video => self.allow_video,
        }
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Id of the entry in the stored document.
    pub entry: Id,
    /// Who.
    pub user: Sender,
    /// Host or participant.
    pub role: ParticipantRole,
    /// When he came in.
    pub joined_at: Timestamp,
}

/// Somebody who left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Who.
    pub user: Id,
    /// When he came in.
    pub joined_at: Timestamp,
    /// When he went.
    pub left_at: Timestamp,
}

/// The discussion of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscussionState {
    /// Id of the stored part.
    pub id: Id,
    /// What is, or will be, discussed how.
    pub kind: Discussion,
    /// It runs.
    pub is_active: bool,
    /// Start.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Option<Timestamp>,
    /// Seconds from start to end; 0 when it never started.
    pub duration: i64,
}

/// What a host says of a new group.
pub struct About {
    /// Title.
    pub title: String,
    /// What it talks about.
    pub topic: String,
    /// In more words.
    pub description: String,
    /// `beginner`, `intermediate` or `advanced`.
    pub level: String,
    /// Most members.
    pub capacity: u16,
    /// It has a password.
    pub is_private: bool,
    /// Lets people in who know it.
    pub join_code: String,
    /// What it may do.
    pub settings: GroupSettings,
}

/// A seat of somebody, to tell which he took last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    /// When.
    pub taken_at: Timestamp,
    /// Where.
    pub group: Id,
}

/// Why something about a group is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRefusal {
    /// It is over.
    Over,
    /// No seat is free.
    Full,
    /// He is in already.
    AlreadyIn,
    /// He is not in.
    NotMember,
    /// Only the host may.
    NotHost,
    /// It runs already.
    Started,
    /// Its settings do not allow this.
    NotAllowed,
    /// Fewer members than it takes.
    TooFew(u16),
}

/// Characters of a join code.
const CODE_CHARS: usize = 8;

/// A join code of eight letters and digits, from random bytes; `None` when they are too few.
#[must_use]
pub fn join_code(random: &[u8]) -> Option<String> {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    // The highest bytes would make some characters likelier than others.
    let fair = random.iter().filter(|byte| **byte < 252);
    let chars = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
    let code: String = chars.take(CODE_CHARS).map(|byte| char::from(*byte)).collect();
    (code.len() == CODE_CHARS).then_some(code)
}
