//! What a group owes the outside: its document in MongoDB, and the end of its members' own records of it. Debts are in the
//! group's database until they are paid.

use domain::{Timestamp, chat::Line};

use super::{GroupRoom, Room};
use crate::runtime::{now, store};

/// Chat lines reach MongoDB within this time, ms.
const RECORD_WITHIN_MS: i64 = 30_000;
/// Revisions of a document for each change of its group: one for each chat line, of which there are far fewer.
pub(super) const REVISIONS: u64 = 10_000;
/// Most chat lines in one write.
const BATCH: usize = 200;
/// A group stays this long after the end, for polls that come late, ms.
const LINGER_MS: i64 = 600_000;

impl GroupRoom {
    /// Pays what is due, and comes back for the rest.
    pub(super) async fn pay(&self) -> worker::Result<()> {
        let paid = self.record().await? && self.close_records().await?;
        let next = self.with(|room| {
            room.attempts = if paid { 0 } else { room.attempts + 1 };
            room.next_wake(paid, now())
        });
        match next {
            Ok(Some(at)) => self.wake_at(at).await,
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Asks for a write of chat lines within 30 s.
    pub(super) async fn record_soon(&self) -> worker::Result<()> {
        let due = now().plus(RECORD_WITHIN_MS);
        let _ = self.with(|room| room.record_at = Some(room.record_at.map_or(due, |at| at.min(due))));
        self.wake_at(due).await
    }

    /// Makes the alarm ring no later than `at`.
    pub(super) async fn wake_at(&self, at: Timestamp) -> worker::Result<()> {
        let earlier = self.with(|room| {
            let earlier = room.alarm.is_none_or(|set| at < set);
            if earlier {
                room.alarm = Some(at);
            }
            earlier
        });
        if earlier == Ok(true) {
            self.state.storage().set_alarm(at.since(now()).max(0)).await
        } else {
            Ok(())
        }
    }

    /// Ends what nobody looks after any more, and does what is due.
    pub(super) async fn wake(&self) -> worker::Result<()> {
        let now = now();
        let expired = self.with(|room| {
            room.alarm = None;
            let seen = &room.seen;
            let expired = room.group.expire(|user| seen.get(&user).copied(), now);
            if expired {
                room.mesh.end();
                room.touched(now);
            }
            expired
        });
        if expired == Ok(true) {
            self.keep()?;
            self.drop_stale_signals()?;
        }
        if self.with(|room| room.is_forgotten(now)) == Ok(true) {
            self.state.storage().delete_all().await?;
            *self.room.borrow_mut() = None;
            return Ok(());
        }
        self.pay().await
    }

    /// Writes what changed and new chat lines to MongoDB, in batches. True when nothing is due any more.
    async fn record(&self) -> worker::Result<bool> {
        while let Ok(Some((group, lines, total, changes))) = self.with(|room| {
            room.owes_record(now()).then(|| {
                let fresh: Vec<Line> =
                    room.lines.iter().skip(room.recorded_lines).take(BATCH).cloned().collect();
                let total = room.recorded_lines + fresh.len();
                (room.group.clone(), fresh, total, room.changes)
            })
        }) {
            let store = store(&self.env)?;
            let revision = changes * REVISIONS + u64::try_from(total).unwrap_or(0);
            if ::store::groups::record(&store, &group, &lines, revision, now()).await.is_err() {
                return Ok(false);
            }
            let _ = self.with(|room| room.recorded(changes, total));
            self.keep()?;
        }
        Ok(true)
    }

    /// Ends the own records of those who left, and of everybody once the group is over. True when none is owed.
    async fn close_records(&self) -> worker::Result<bool> {
        let Ok(Some((group, leavers, all))) = self.with(|room| {
            let all = room.group.status.is_final() && !room.closed;
            (all || !room.leavers.is_empty()).then(|| (room.group.id, room.leavers.clone(), all))
        }) else {
            return Ok(true);
        };
        let store = store(&self.env)?;
        let of = (!all).then_some(leavers.as_slice());
        if ::store::records::close_group_records(&store, group, of, now()).await.is_err() {
            return Ok(false);
        }
        let _ = self.with(|room| {
            room.leavers.retain(|user| !leavers.contains(user));
            room.closed |= all;
        });
        self.keep()?;
        Ok(true)
    }
}

impl Room {
    fn lacks_record(&self) -> bool {
        self.changes > self.recorded || self.lines.len() > self.recorded_lines
    }

    fn owes_record(&self, now: Timestamp) -> bool {
        self.lacks_record() && self.record_at.is_none_or(|due| due <= now)
    }

    fn recorded(&mut self, changes: u64, lines: usize) {
        self.recorded_lines = self.recorded_lines.max(lines);
        self.recorded = self.recorded.max(changes);
        if !self.lacks_record() {
            self.record_at = None;
        }
    }

    /// Nothing is owed, and nobody looks any more.
    fn is_forgotten(&self, now: Timestamp) -> bool {
        let owes = self.lacks_record() || !self.leavers.is_empty() || !self.closed;
        self.group.status.is_final()
            && !owes
            && self.last_look().is_none_or(|last| now.since(last) >= LINGER_MS)
    }

    fn last_look(&self) -> Option<Timestamp> {
        self.seen.values().copied().chain(self.group.discussion.ended_at).max()
    }

    /// When there is something to do next.
    fn next_wake(&self, paid: bool, now: Timestamp) -> Option<Timestamp> {
        let retry = (!paid).then(|| now.plus(1000 << self.attempts.min(5)));
        // What is overdue is retried, with growing pauses.
        let record = self.record_at.filter(|due| *due > now && self.lacks_record());
        let lease = self.group.lease_end(|user| self.seen.get(&user).copied()).map(|end| end.plus(1));
        let linger = self.last_look().filter(|_| self.group.status.is_final());
        let linger = linger.map(|last| last.plus(LINGER_MS).max(now.plus(1000)));
        [retry, record, lease, linger].into_iter().flatten().min()
    }
}
