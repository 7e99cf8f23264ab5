//! What a leaderboard can be asked, and what it answers.

use domain::{Id, Timestamp, window::Window};
use serde::{Deserialize, Serialize};
use store::users::RankedStudent;

/// What a leaderboard can be asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum LeaderboardRequest {
    /// A student took part in a session.
    Participated {
        /// Student.
        student: Id,
        /// Names the participation (`domain::scoring::participation`); a repeated name counts once.
        event: String,
        /// When it was.
        at: Timestamp,
    },
    /// A student belongs to the region, or changed his name or picture.
    Member {
        /// The student.
        member: Member,
    },
    /// A student changed: he is read anew, and ranked here if he still belongs here.
    Refresh {
        /// The student.
        student: Id,
    },
    /// A page of the ranking.
    Page {
        /// What counts.
        window: Window,
        /// Places before the page.
        offset: u64,
        /// Most entries.
        limit: u32,
    },
    /// The page behind a place, as an earlier one ended with it.
    After {
        /// What counts.
        window: Window,
        /// [`Place`] as text.
        place: String,
        /// Most entries.
        limit: u32,
    },
    /// The place of a student, and others around him.
    Rank {
        /// What counts.
        window: Window,
        /// Student.
        student: Id,
        /// Entries before him, and after him.
        around: u32,
    },
}

/// What a leaderboard answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaderboardReply {
    /// Done.
    Done,
    /// Entries, and how many there are in all.
    Page {
        /// Best first.
        entries: Vec<Entry>,
        /// Count of members.
        total: usize,
        /// Sum of all points.
        points: u64,
    },
    /// The place does not say where it is.
    NoPlace,
    /// The rebuild is not finished; ask again.
    NotReady,
}

/// A ranked student, as shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// 1-based place.
    pub rank: usize,
    /// Points.
    pub points: u64,
    /// Who.
    pub member: Member,
}

/// What is shown of a student.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    /// Account.
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Picture address.
    pub picture: Option<String>,
    /// Registration.
    pub since: Timestamp,
}

impl From<RankedStudent> for Member {
    fn from(student: RankedStudent) -> Self {
        Self {
            id: student.id,
            name: student.name,
            picture: student.profile_picture,
            since: student.created_at,
        }
    }
}
