//! A breaker in front of something that may be down: after some failures in a row it lets nobody through for a while, so
//! that callers fail at once instead of waiting, and what is down can come back.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// See the module. Shared by all calls of an isolate.
pub struct Breaker {
    failures: AtomicU32,
    closed_until: AtomicU64,
    most: u32,
    pause_ms: u64,
}

impl Breaker {
    /// Closes for `pause_ms` after `most` failures in a row.
    #[must_use]
    pub const fn new(most: u32, pause_ms: u64) -> Self {
        Self { failures: AtomicU32::new(0), closed_until: AtomicU64::new(0), most, pause_ms }
    }

    /// Whether a call may be made at this time, in ms.
    #[must_use]
    pub fn lets_through(&self, now: u64) -> bool {
        now >= self.closed_until.load(Ordering::Relaxed)
    }

    /// Notes how a call ended.
    pub fn note(&self, succeeded: bool, now: u64) {
        if succeeded {
            self.failures.store(0, Ordering::Relaxed);
        } else if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= self.most {
            self.closed_until.store(now + self.pause_ms, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_after_failures_in_a_row_and_opens_again() {
        let breaker = Breaker::new(2, 100);
        breaker.note(false, 0);
        breaker.note(true, 1);
        breaker.note(false, 2);
        assert!(breaker.lets_through(3));
        breaker.note(false, 3);
        assert!(!breaker.lets_through(102));
        assert!(breaker.lets_through(103));
        breaker.note(false, 103);
        assert!(!breaker.lets_through(104), "the first failure after the pause closes it at once");
    }
}
