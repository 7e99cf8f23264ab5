//! How far somebody came in a lecture (contract: saveLectureSession, progress rule).

/// A lecture counts as watched from this share on, in percent.
pub const COMPLETE_FROM: i64 = 90;

/// How far a viewing came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Farthest position that was watched, seconds.
    pub watch_time: f64,
    /// Length of the lecture, seconds.
    pub total: f64,
    /// Share that was watched, 0 to 100.
    pub percentage: i64,
    /// Whether it counts as watched; once it does, it stays so.
    pub is_completed: bool,
}

impl State {
    /// After a report. A jump is no watching: it moves nothing. `total` is the lecture's own length, if it is known.
    #[must_use]
    pub fn after(self, position: f64, is_jump: bool, total: f64) -> Self {
        let total = if total > 0.0 { total } else { self.total };
        let watch_time = if is_jump { self.watch_time } else { self.watch_time.max(position) };
        let percentage = self.percentage.max(percent(watch_time, total));
        let is_completed = self.is_completed || !is_jump && percentage >= COMPLETE_FROM;
        Self { watch_time, total, percentage, is_completed }
    }
}

fn percent(part: f64, whole: f64) -> i64 {
    if whole <= 0.0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
    let percent = (part / whole * 100.0 + 0.5).floor().clamp(0.0, 100.0) as i64;
    percent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: State = State { watch_time: 0.0, total: 1000.0, percentage: 0, is_completed: false };

    #[test]
    fn watching_counts_and_jumps_do_not() {
        let watched = START.after(894.0, false, 1000.0);
        assert_eq!((watched.percentage, watched.is_completed), (89, false));
        assert!(watched.after(895.0, false, 1000.0).is_completed);
        assert_eq!(watched.after(999.0, true, 1000.0), watched);
        assert_eq!(START.after(50.0, false, 200.0).percentage, 25);
        assert_eq!(State { total: 0.0, ..START }.after(50.0, false, 0.0).percentage, 0);
    }

    proptest! {
        #[test]
        fn nothing_is_ever_taken_back(reports in proptest::collection::vec((0.0f64..2000.0, any::<bool>()), 0..20)) {
            let mut state = START;
            for (position, is_jump) in reports {
                let next = state.after(position, is_jump, 1000.0);
                prop_assert!(next.watch_time >= state.watch_time && next.percentage >= state.percentage);
                prop_assert!(next.is_completed || !state.is_completed);
                prop_assert!((0..=100).contains(&next.percentage));
                state = next;
            }
        }
    }
}
