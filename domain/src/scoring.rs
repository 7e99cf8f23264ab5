//! Leaderboard points (contract: x-scoring.leaderboard): one point for each session that a learner takes part in, once.

use crate::session::Status;

/// Whether a session gives its participants a point. Every listed session does, except a wait in the matchmaking queue
/// that never found a partner: nobody took part in anything, and giving up and queueing again would farm points.
#[must_use]
pub fn gives_points(from_matchmaking: bool, status: Status, started: bool) -> bool {
    !from_matchmaking || started || !matches!(status, Status::WaitingForPartner | Status::Cancelled)
}

/// The three texts that the app shows under a leaderboard.
pub struct Method {
    /// In a sentence.
    pub description: &'static str,
    /// What counts.
    pub components: &'static [(&'static str, &'static str)],
    /// As a formula.
    pub formula: &'static str,
}

/// How points are counted.
pub const METHOD: Method = Method {
    description: "One point for every session you take part in. Equal points rank by earlier registration.",
    components: &[
        ("sessions", "Calls, chats, groups, games and lectures that you took part in, one point each"),
        ("tieBreak", "Whoever registered first"),
    ],
    formula: "totalScore = totalSessions",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_counts_except_a_wait_in_vain() {
        for (from_matchmaking, status, started, expected) in [
            (true, Status::WaitingForPartner, false, false),
            (true, Status::Cancelled, false, false),
            (true, Status::Active, true, true),
            (true, Status::Completed, true, true),
            (true, Status::Cancelled, true, true),
            (false, Status::Scheduled, false, true),
            (false, Status::Cancelled, false, true),
        ] {
            assert_eq!(
                gives_points(from_matchmaking, status, started),
                expected,
                "{from_matchmaking} {status:?} {started}"
            );
        }
    }
}
