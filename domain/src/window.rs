//! Windows of time of a leaderboard: since the beginning of a month, week or day in India.

use chrono::{DateTime, Datelike, FixedOffset, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// What counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// Everything.
    #[default]
    All,
    /// Since the first of the month.
    Month,
    /// Since Monday.
    Week,
    /// Since midnight.
    Day,
}

impl Window {
    /// Those that end.
    pub const ENDING: [Self; 3] = [Self::Month, Self::Week, Self::Day];

    /// Reads the form of addresses.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "month" => Some(Self::Month),
            "week" => Some(Self::Week),
            "day" => Some(Self::Day),
            _ => None,
        }
    }

    /// When the current one began, where clocks are ahead of UTC by `offset` minutes; `None` for everything.
    #[must_use]
    pub fn start(self, now: Timestamp, offset: i32) -> Option<Timestamp> {
        let zone = FixedOffset::east_opt(offset * 60)?;
        let there = DateTime::<Utc>::from_timestamp_millis(now.millis())?.with_timezone(&zone).date_naive();
        let first = match self {
            Self::All => return None,
            Self::Month => there.with_day(1)?,
            Self::Week => there.week(chrono::Weekday::Mon).first_day(),
            Self::Day => there,
        };
        let midnight = zone.from_local_datetime(&first.and_hms_opt(0, 0, 0)?).single()?;
        Some(Timestamp::from_millis(midnight.timestamp_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_midnight_in_india() {
        // A Tuesday, half past one in the night there, still Monday in London.
        let now = Timestamp::from_text("2026-11-23T20:00:00Z").unwrap();
        let start = |window: Window| window.start(now, 330).map(Timestamp::to_iso);
        assert_eq!(start(Window::Day).as_deref(), Some("2026-11-23T18:30:00.000Z"));
        assert_eq!(start(Window::Week).as_deref(), Some("2026-11-22T18:30:00.000Z"));
        assert_eq!(start(Window::Month).as_deref(), Some("2026-10-31T18:30:00.000Z"));
        assert_eq!(start(Window::All), None);
        assert_eq!(
            Window::Day.start(now, 0).map(Timestamp::to_iso).as_deref(),
            Some("2026-11-23T00:00:00.000Z")
        );
    }
}
