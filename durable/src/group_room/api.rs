//! What a group can be asked, and what it answers.

use domain::{
    Id,
    chat::{Draft, Line, Sender},
    group::{Discussion, Group, GroupRefusal, Seat},
    mesh::{Sent, Signal},
};
use serde::{Deserialize, Serialize};

/// What a group can be asked. Reading is a sign of life.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum GroupRequest {
    /// The group, for anybody; who may see what is up to the caller.
    Read {
        /// Who asks.
        user: Id,
    },
    /// What stands between somebody and a seat.
    Door {
        /// Who asks.
        user: Id,
        /// He brings a password: it counts until he is in.
        tries: bool,
    },
    /// Somebody takes a seat. His password was checked.
    Join {
        /// Who.
        user: Sender,
    },
    /// Somebody leaves.
    Leave {
        /// Who.
        user: Id,
    },
    /// Somebody went to another group.
    Abandon {
        /// Who.
        user: Id,
        /// Only a seat that he took before this one: his newest seat is the one that he keeps.
        before: Seat,
    },
    /// The host starts the discussion.
    Start {
        /// Who asks.
        user: Id,
        /// How.
        kind: Discussion,
    },
    /// The host ends the group.
    End {
        /// Who asks.
        user: Id,
    },
    /// A chat line.
    Say {
        /// Whose.
        user: Id,
        /// What.
        draft: Draft,
    },
    /// A page of the chat.
    Lines {
        /// Who asks.
        user: Id,
        /// Lines newer than the page.
        offset: usize,
        /// Most lines.
        limit: usize,
    },
    /// What other members sent to this one.
    Signals {
        /// Who asks.
        user: Id,
    },
    /// A member sends something to another.
    Signal {
        /// Whose.
        user: Id,
        /// For whom; the only other member when not given.
        to: Option<Id>,
        /// What.
        signal: Signal,
    },
    /// Forget what a member sent.
    ClearSignals {
        /// Whose.
        user: Id,
    },
}

/// The answer to any request.
pub type GroupAnswer = Result<GroupReply, RoomRefusal>;

/// What a group answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupReply {
    /// Done.
    Done,
    /// The group.
    Group(Box<Group>),
    /// What stands between the caller and a seat.
    Door(Door),
    /// The line that was said.
    Line(Line),
    /// A page of the chat.
    Lines {
        /// Oldest first.
        lines: Vec<Line>,
        /// Count of all lines.
        total: usize,
    },
    /// What is for the caller, oldest first.
    Signals(Vec<Sent>),
}

/// What stands between somebody and a seat.
#[derive(Serialize, Deserialize)]
pub struct Door {
    /// Region of the group.
    pub region: Option<Id>,
    /// Why the caller cannot come in, whatever his password.
    pub refusal: Option<GroupRefusal>,
    /// Hash of the password, or the password itself in documents of the old server.
    pub lock: Option<String>,
    /// The caller has tried too many wrong passwords.
    pub is_barred: bool,
}

/// Why a group refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRefusal {
    /// There is no such group.
    Unknown,
    /// The database cannot be read right now.
    Unavailable,
    /// By the rules of groups.
    Group(GroupRefusal),
    /// Chat is switched off.
    ChatOff,
    /// The chat has reached its bound.
    ChatFull,
    /// Among more than two, who is meant must be said.
    WhoIsMeant,
    /// Whoever is meant is not another member.
    StrangeAddressee,
    /// One member keeps more signaling than a group needs.
    TooMuch,
}

impl From<GroupRefusal> for RoomRefusal {
    fn from(refusal: GroupRefusal) -> Self {
        Self::Group(refusal)
    }
}
