//! Rankings of a month, a week or a day: made from the events of that time when somebody asks, and kept up while it lasts.

use domain::{
    Id, Timestamp,
    ranking::{Ranking, Standing},
    window::Window,
};
use serde::Deserialize;

use super::{Board, Leaderboard};
use crate::{
    runtime::now,
    sql::{int, rows},
};

/// Asia/Kolkata is ahead of UTC by so many minutes.
const DEFAULT_OFFSET: i32 = 330;

/// The ranking of a window.
pub(super) struct Running {
    pub window: Window,
    pub start: Timestamp,
    pub ranking: Ranking,
}

impl Leaderboard {
    /// Where the day begins: `LEADERBOARD_UTC_OFFSET` in minutes, else India's.
    fn offset(&self) -> i32 {
        let given = self.env.var("LEADERBOARD_UTC_OFFSET").ok();
        given.and_then(|minutes| minutes.to_string().parse().ok()).unwrap_or(DEFAULT_OFFSET)
    }

    /// Has the ranking of a window ready: a new month, week or day begins with nothing.
    pub(super) fn open_window(&self, window: Window) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            student: String,
            points: u64,
        }
        let Some(start) = window.start(now(), self.offset()) else { return Ok(()) };
        let is_open = |board: &mut Board| {
            board.windows.iter().any(|running| running.window == window && running.start == start)
        };
        if self.with(is_open) {
            return Ok(());
        }
        let query = "SELECT student, COUNT(*) AS points FROM events WHERE at >= ? GROUP BY student";
        let counted = rows::<Row>(&self.state.storage().sql(), query, vec![int(start.millis())])?;
        self.with(|board| {
            board.windows.retain(|running| running.window != window);
            let mut ranking = Ranking::default();
            for row in counted {
                let Ok(student) = row.student.parse::<Id>() else { continue };
                if let Some(known) = board.ranking.standing(student) {
                    ranking.set(student, Standing { points: row.points, ..known });
                }
            }
            board.windows.push(Running { window, start, ranking });
        });
        Ok(())
    }
}

impl Board {
    /// The ranking of a window, which was opened before.
    pub(super) fn of(&self, window: Window) -> &Ranking {
        let running = self.windows.iter().find(|running| running.window == window);
        running.map_or(&self.ranking, |running| &running.ranking)
    }

    /// A new event of a student counts in all windows that it falls into.
    pub(super) fn count_in_windows(&mut self, student: Id, since: Timestamp, at: Timestamp) {
        for running in self.windows.iter_mut().filter(|running| at >= running.start) {
            let points = running.ranking.standing(student).map_or(0, |standing| standing.points) + 1;
            running.ranking.set(student, Standing { points, since });
        }
    }

    /// A student who comes back has his events again.
    pub(super) fn forget_windows(&mut self) {
        self.windows.clear();
    }
}
