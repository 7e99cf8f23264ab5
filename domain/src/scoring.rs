//! Leaderboard points (contract: x-scoring.leaderboard): one point for each session that a learner takes part in, once.

use crate::{Id, Timestamp};

/// Starting the same game again within this time gives no further point, ms (contract: README, decisions).
const SAME_PLAY_MS: i64 = 600_000;

/// Names a participation; each name gives a student one point. Sessions are named by their id; plays of one game by the
/// game and the ten minutes they began in, so that starting it over and over farms nothing.
#[must_use]
pub fn participation(session: Id, game: Option<&str>, began: Timestamp) -> String {
    match game {
        Some(game) => format!("{game}@{}", began.millis().div_euclid(SAME_PLAY_MS)),
        None => session.to_string(),
    }
}

/// A mean rounded to a whole number, halves up; 0 of nothing (x-scoring.rounding).
#[must_use]
pub fn mean(values: &[f64]) -> i64 {
    if values.is_empty() {
        return 0;
    }
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "far below 2^53")]
    let mean = (values.iter().sum::<f64>() / values.len() as f64 + 0.5).floor() as i64;
    mean
}

/// A mean with two decimals, halves up; 0 of nothing (x-scoring.leaderboard.statistics).
#[must_use]
pub fn two_decimals(sum: u64, count: usize) -> f64 {
    if count == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let mean = sum as f64 / count as f64;
    (mean * 100.0 + 0.5).floor() / 100.0
}

/// A share in percent, rounded to a whole number, halves up; 0 of nothing.
#[must_use]
pub fn percent(part: usize, whole: usize) -> i64 {
    if whole == 0 {
        return 0;
    }
    i64::try_from((part * 200 + whole) / (whole * 2)).unwrap_or(i64::MAX)
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
    fn plays_of_one_game_within_ten_minutes_are_one_participation() {
        let name =
            |session: u8, game, at| participation(Id::from([session; 12]), game, Timestamp::from_millis(at));
        assert_eq!(name(1, Some("g"), 600_000), name(2, Some("g"), 1_199_999));
        assert_ne!(name(1, Some("g"), 600_000), name(1, Some("g"), 1_200_000));
        assert_ne!(name(1, Some("g"), 0), name(1, Some("h"), 0));
        assert_ne!(name(1, None, 0), name(2, None, 0));
    }

    #[test]
    fn means_and_shares_round_halves_up() {
        assert_eq!([mean(&[]), mean(&[1.0, 2.0]), mean(&[1.0, 1.0, 2.0])], [0, 2, 1]);
        for (part, whole, expected) in
            [(1, 3, 33), (2, 3, 67), (1, 8, 13), (1, 200, 1), (0, 5, 0), (5, 5, 100), (1, 0, 0)]
        {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }
}
