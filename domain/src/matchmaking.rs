//! The queue of one region (contract: findPartner). Pairing is one synchronous step, so two waiters can never miss each
//! other and three can never share a call. The longest waiter is served first; a silent one is never matched.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    Id, Timestamp,
    session::{Session, SessionType},
};

/// A waiter whose owner was silent for longer is out (x-signaling.recommended-leases), ms.
pub const WAITING_LEASE_MS: i64 = 20_000;

/// Somebody who waits for a partner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiter {
    /// The waiting session; its host is the one who waits.
    pub session: Session,
    /// Last sign of life.
    pub seen: Timestamp,
}

impl Waiter {
    /// Who waits.
    #[must_use]
    pub fn user(&self) -> Option<Id> {
        self.session.host().map(|host| host.user.id)
    }
}

/// Everybody who waits in a region, longest first.
#[derive(Debug, Default)]
pub struct Queue {
    waiters: VecDeque<Waiter>,
}

impl Queue {
    /// Takes the longest living waiter of a type, other than `seeker`, out of the queue.
    pub fn take(&mut self, session_type: SessionType, seeker: Id, now: Timestamp) -> Option<Waiter> {
        let at = self.waiters.iter().position(|waiter| {
            waiter.session.session_type == session_type
                && waiter.user() != Some(seeker)
                && is_alive(waiter, now)
        })?;
        self.waiters.remove(at)
    }

    /// Appends a waiter.
    pub fn push(&mut self, waiter: Waiter) {
        self.waiters.push_back(waiter);
    }

    /// Notes a sign of life; false when the session is not in the queue.
    pub fn touch(&mut self, session: Id, now: Timestamp) -> bool {
        let waiter = self.waiters.iter_mut().find(|waiter| waiter.session.id == session);
        waiter.map(|waiter| waiter.seen = now).is_some()
    }

    /// Whether a session is in the queue.
    #[must_use]
    pub fn contains(&self, session: Id) -> bool {
        self.waiters.iter().any(|waiter| waiter.session.id == session)
    }

    /// Takes a session out; false when it was not there.
    pub fn remove(&mut self, session: Id) -> bool {
        let before = self.waiters.len();
        self.waiters.retain(|waiter| waiter.session.id != session);
        self.waiters.len() < before
    }

    /// Takes out everybody who fell silent.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Waiter> {
        let (alive, silent) = self.waiters.drain(..).partition(|waiter| is_alive(waiter, now));
        self.waiters = alive;
        Vec::from(silent as VecDeque<Waiter>)
    }

    /// When the next waiter would fall silent.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.waiters.iter().map(|waiter| waiter.seen.plus(WAITING_LEASE_MS + 1)).min()
    }

    /// Count of waiters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
}

fn is_alive(waiter: &Waiter, now: Timestamp) -> bool {
    now.since(waiter.seen) <= WAITING_LEASE_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::{Card, RegionName};

    fn waiter(n: u8, session_type: SessionType, seen: i64) -> Waiter {
        let region = RegionName { name: "Delhi".into(), code: "DEL".into() };
        let host = Card {
            id: Id::from([n; 12]),
            name: String::new(),
            picture: None,
            level: String::new(),
            region: Id::from([0; 12]),
        };
        let session = Session::waiting(Id::from([100 + n; 12]), session_type, host, &region, at(seen));
        Waiter { session, seen: at(seen) }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_longest_waiter_of_the_type_is_served_first() {
        let mut queue = Queue::default();
        queue.push(waiter(1, SessionType::VideoCall, 0));
        queue.push(waiter(2, SessionType::Chat, 0));
        queue.push(waiter(3, SessionType::Chat, 0));
        let seeker = Id::from([9; 12]);
        assert_eq!(queue.take(SessionType::Chat, seeker, at(1)).unwrap().user(), Some(Id::from([2; 12])));
        assert_eq!(queue.take(SessionType::Chat, Id::from([3; 12]), at(1)), None, "nobody meets himself");
        assert_eq!(queue.take(SessionType::VoiceCall, seeker, at(1)), None);
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn the_silent_are_never_matched_and_expire() {
        let mut queue = Queue::default();
        queue.push(waiter(1, SessionType::Chat, 0));
        queue.push(waiter(2, SessionType::Chat, 0));
        assert!(queue.touch(Id::from([102; 12]), at(15_000)));
        assert_eq!(queue.next_expiry(), Some(at(20_001)));
        assert_eq!(
            queue.take(SessionType::Chat, Id::from([9; 12]), at(20_001)).unwrap().user(),
            Some(Id::from([2; 12]))
        );
        assert_eq!(queue.expire(at(20_001)).len(), 1);
        assert!(queue.is_empty());
        assert!(!queue.touch(Id::from([101; 12]), at(20_002)));
    }

    proptest! {
        #[test]
        fn whatever_the_order_of_arrival_nobody_is_left_who_could_be_paired(seekers in proptest::collection::vec(0u8..3, 0..60)) {
            let mut queue = Queue::default();
            let mut pairs = 0;
            for (n, kind) in seekers.iter().enumerate() {
                let session_type = [SessionType::Chat, SessionType::VoiceCall, SessionType::VideoCall][usize::from(*kind)];
                let newcomer = waiter(u8::try_from(n).unwrap(), session_type, 0);
                match queue.take(session_type, Id::from([u8::try_from(n).unwrap(); 12]), at(1)) {
                    Some(_) => pairs += 1,
                    None => queue.push(newcomer),
                }
            }
            let of_kind = |kind| seekers.iter().copied().filter(|k| *k == kind).collect::<Vec<_>>().len();
            let expected: usize = (0u8..3).map(|kind| of_kind(kind) / 2).sum();
            prop_assert_eq!(pairs, expected);
            prop_assert_eq!(queue.len() + 2 * pairs, seekers.len());
        }
    }
}
