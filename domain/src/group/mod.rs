//! Discussion groups (contract: x-signaling.group-waiting-room and the groups routes).
//!
//! `waiting → active → completed`, or `disbanded` when nobody is left. Completed and disbanded are final: what ends a
//! group twice changes nothing.

mod words;

use serde::{Deserialize, Serialize};

pub use words::{
    About, Discussion, DiscussionState, Former, GroupRefusal, GroupSettings, GroupStatus, Member, Seat,
    join_code,
};

use crate::{Id, Timestamp, chat::Sender, session::ParticipantRole};

/// A member silent for longer does not count for the minimum (x-signaling.recommended-leases), ms.
pub const PRESENT_MS: i64 = 120_000;
/// A waiting group without any sign of life is disbanded after this time, ms.
const WAITING_LEASE_MS: i64 = 1_800_000;
/// A running group ends when its host was silent for this time, ms.
const HOST_LEASE_MS: i64 = 600_000;

/// Most people who left that a group remembers.
const MAX_FORMER: usize = 200;

/// A group with everything that is recorded of it, less chat lines and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Document id; the object's name.
    pub id: Id,
    /// Title.
    pub title: String,
    /// What it talks about.
    pub topic: String,
    /// In more words; may be empty.
    pub description: String,
    /// `beginner`, `intermediate` or `advanced`.
    pub level: String,
    /// Most members.
    pub capacity: u16,
    /// It has a password.
    pub is_private: bool,
    /// Lets people in who know it; upper case.
    pub join_code: String,
    /// Who opened it.
    pub host: Sender,
    /// Everybody who is in, in the order of coming.
    pub members: Vec<Member>,
    /// Everybody who left.
    pub former: Vec<Former>,
    /// State.
    pub status: GroupStatus,
    /// What it may do.
    pub settings: GroupSettings,
    /// The discussion.
    pub discussion: DiscussionState,
    /// Region of the host.
    pub region: Option<Id>,
    /// Opening.
    pub created_at: Timestamp,
}

impl Group {
    /// A group that its host opens.
    #[must_use]
    pub fn open(id: Id, about: About, host: Sender, region: Id, now: Timestamp) -> Self {
        let About { title, topic, description, level, capacity, is_private, join_code, settings } = about;
        let part = |n: u8| {
            let mut bytes = id.bytes();
            if let Some(last) = bytes.last_mut() {
                *last ^= n;
            }
            Id::from(bytes)
        };
        let entry =
            Member { entry: part(1), user: host.clone(), role: ParticipantRole::Host, joined_at: now };
        Self {
            id,
            title,
            topic,
            description,
            level,
            capacity,
            is_private,
            join_code,
            host,
            members: vec![entry],
            former: Vec::new(),
            status: GroupStatus::Waiting,
            settings,
            discussion: DiscussionState {
                id: part(2),
                kind: Discussion::Chat,
                is_active: false,
                started_at: None,
                ended_at: None,
                duration: 0,
            },
            region: Some(region),
            created_at: now,
        }
    }

    /// The entry of a user.
    #[must_use]
    pub fn member(&self, user: Id) -> Option<&Member> {
        self.members.iter().find(|member| member.user.id == user)
    }

    /// No seat is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.members.len() >= usize::from(self.capacity)
    }

    /// Members that it takes to start (contract: startGroupSession).
    #[must_use]
    pub fn minimum(&self) -> u16 {
        let usual = match self.capacity {
            ..=5 => 3,
            6..=10 => 4,
            _ => 5,
        };
        self.capacity.min(usual)
    }

    /// Somebody takes a seat.
    pub fn join(&mut self, user: Sender, entry: Id, now: Timestamp) -> Result<(), GroupRefusal> {
        if self.status.is_final() {
            return Err(GroupRefusal::Over);
        }
        if self.is_full() {
            return Err(GroupRefusal::Full);
        }
        if self.member(user.id).is_some() {
            return Err(GroupRefusal::AlreadyIn);
        }
        let role = ParticipantRole::Participant;
        self.members.push(Member { entry, user, role, joined_at: now });
        Ok(())
    }

    /// Somebody leaves: the host ends the group, the last one disbands it. Says whether he was the host. On a group that
    /// is over nothing changes.
    pub fn leave(&mut self, user: Id, now: Timestamp) -> Result<bool, GroupRefusal> {
        let is_host = self.is_host(user).ok_or(GroupRefusal::NotMember)?;
        if self.status.is_final() {
            return Ok(is_host);
        }
        if is_host {
            self.finish(GroupStatus::Completed, now);
            return Ok(true);
        }
        for member in self.members.extract_if(.., |member| member.user.id == user) {
            self.former.push(Former { user, joined_at: member.joined_at, left_at: now });
        }
        let surplus = self.former.len().saturating_sub(MAX_FORMER);
        self.former.drain(..surplus);
        if self.members.is_empty() {
            self.finish(GroupStatus::Disbanded, now);
        }
        Ok(false)
    }

    /// Somebody went to another group: his own one is disbanded under its members, others he leaves. A seat that he took
    /// after that one he keeps, so two moves at once end with him in one group.
    pub fn abandon(&mut self, user: Id, before: Seat, now: Timestamp) -> Result<(), GroupRefusal> {
        let seat = self.member(user).map(|member| Seat { taken_at: member.joined_at, group: self.id });
        if seat.is_some_and(|seat| seat >= before) {
            return Ok(());
        }
        match self.is_host(user) {
            None => Err(GroupRefusal::NotMember),
            Some(true) => {
                self.finish(GroupStatus::Disbanded, now);
                Ok(())
            }
            Some(false) => self.leave(user, now).map(drop),
        }
    }

    /// The host starts the discussion; `present` says who is here.
    pub fn start(
        &mut self,
        user: Id,
        kind: Discussion,
        present: impl Fn(Id) -> bool,
        now: Timestamp,
    ) -> Result<(), GroupRefusal> {
        if self.is_host(user) != Some(true) {
            return Err(GroupRefusal::NotHost);
        }
        match self.status {
            GroupStatus::Waiting | GroupStatus::Ready => {}
            GroupStatus::Active => return Err(GroupRefusal::Started),
            GroupStatus::Completed | GroupStatus::Disbanded => return Err(GroupRefusal::Over),
        }
        if !self.settings.allow(kind) {
            return Err(GroupRefusal::NotAllowed);
        }
        let here = self.members.iter().filter(|member| present(member.user.id)).count();
        if here < usize::from(self.minimum()) {
            return Err(GroupRefusal::TooFew(self.minimum()));
        }
        self.status = GroupStatus::Active;
        self.discussion =
            DiscussionState { kind, is_active: true, started_at: Some(now), ..self.discussion.clone() };
        Ok(())
    }

    /// The host ends the group. On one that is over nothing changes.
    pub fn end(&mut self, user: Id, now: Timestamp) -> Result<(), GroupRefusal> {
        if self.is_host(user) != Some(true) {
            return Err(GroupRefusal::NotHost);
        }
        self.finish(GroupStatus::Completed, now);
        Ok(())
    }

    /// Ends what nobody looks after any more; `seen` is the last sign of life of a user. Says whether it did.
    pub fn expire(&mut self, seen: impl Fn(Id) -> Option<Timestamp>, now: Timestamp) -> bool {
        let due = self.lease_end(seen).is_some_and(|end| end < now);
        if due {
            let is_active = self.status == GroupStatus::Active;
            self.finish(if is_active { GroupStatus::Completed } else { GroupStatus::Disbanded }, now);
        }
        due
    }

    /// When the lease runs out: of a running group by the silence of its host, of a waiting one by that of everybody.
    pub fn lease_end(&self, seen: impl Fn(Id) -> Option<Timestamp>) -> Option<Timestamp> {
        match self.status {
            GroupStatus::Completed | GroupStatus::Disbanded => None,
            GroupStatus::Active => {
                let last = seen(self.host.id).or(self.discussion.started_at)?;
                Some(last.plus(HOST_LEASE_MS))
            }
            GroupStatus::Waiting | GroupStatus::Ready => {
                let last = self.members.iter().filter_map(|member| seen(member.user.id)).max();
                Some(last.unwrap_or(self.created_at).plus(WAITING_LEASE_MS))
            }
        }
    }

    fn is_host(&self, user: Id) -> Option<bool> {
        self.member(user).map(|member| member.role == ParticipantRole::Host)
    }

    fn finish(&mut self, status: GroupStatus, now: Timestamp) {
        if self.status.is_final() {
            return;
        }
        self.status = status;
        let discussion = &mut self.discussion;
        discussion.is_active = false;
        discussion.ended_at = Some(now);
        discussion.duration = discussion.started_at.map_or(0, |start| now.seconds_since(start));
    }
}

#[cfg(test)]
mod tests;
