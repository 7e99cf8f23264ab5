//! One object per discussion group: members, discussion, chat and signaling. The only writer of its document.
//!
//! It takes the group over from the database when it is first asked, and from then on is the authority. A change of
//! members or state is in its own database before it is answered, and in MongoDB as soon as that can be reached, so that
//! lists agree; chat lines follow within 30 s.

mod api;
mod keep;
mod record;
mod talk;

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use domain::{
    Id, Timestamp,
    chat::{Line, Sender},
    group::{Discussion, Group, GroupRefusal, PRESENT_MS},
    mesh::Mesh,
};
use futures_util::{FutureExt, pin_mut, select};
use worker::{Delay, DurableObject, Env, Request, Response, State, durable_object, wasm_bindgen};

pub use api::{Door, GroupAnswer, GroupReply, GroupRequest, RoomRefusal};

use crate::{
    rpc::{self, Object},
    runtime::{new_id, now},
};

/// How long a change waits for the database before it is answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// When the alarm looks after a change that is not in the database yet, ms.
const RETRY_MS: i64 = 5_000;
/// Wrong passwords of one user within [`GUESS_MS`].
const MAX_GUESSES: usize = 10;
/// How long a wrong password is remembered, ms.
const GUESS_MS: i64 = 600_000;

/// See the module.
#[durable_object]
pub struct GroupRoom {
    state: State,
    env: Env,
    room: RefCell<Option<Room>>,
}

/// The hot state.
struct Room {
    group: Group,
    /// Hash of the password, or the password itself in documents of the old server.
    lock: Option<String>,
    lines: Vec<Line>,
    mesh: Mesh,
    /// Count of changes of the group itself.
    changes: u64,
    /// Count of those that are in MongoDB.
    recorded: u64,
    /// Count of chat lines that are in MongoDB.
    recorded_lines: usize,
    /// When chat lines that are not in MongoDB must be.
    record_at: Option<Timestamp>,
    /// Those who left, whose own records of the group are still open.
    leavers: Vec<Id>,
    /// The group is over, and so are the members' own records of it.
    closed: bool,
    /// Last sign of life by user, and the one that is written down.
    seen: BTreeMap<Id, Timestamp>,
    noted: BTreeMap<Id, Timestamp>,
    /// Wrong passwords, newest last.
    guesses: BTreeMap<Id, Vec<Timestamp>>,
    alarm: Option<Timestamp>,
    /// Failed attempts to record in a row.
    attempts: u32,
}

impl std::panic::RefUnwindSafe for GroupRoom {}

impl Object for GroupRoom {
    const BINDING: &'static str = "GROUP_ROOM";
    type Request = GroupRequest;
    type Reply = GroupAnswer;
}

impl DurableObject for GroupRoom {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, room: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request = rpc::read::<Self>(&mut request).await?;
        let answer = match self.load().await? {
            Ok(()) => self.answer(request).await?,
            Err(refusal) => Err(refusal),
        };
        rpc::reply::<Self>(&answer)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        if self.load().await?.is_ok() {
            self.wake().await?;
        }
        Response::empty()
    }
}

impl GroupRoom {
    /// Runs `f` on the group, which is loaded. Nothing may be awaited inside.
    fn with<T>(&self, f: impl FnOnce(&mut Room) -> T) -> Result<T, RoomRefusal> {
        self.room.borrow_mut().as_mut().map(f).ok_or(RoomRefusal::Unknown)
    }

    async fn answer(&self, request: GroupRequest) -> worker::Result<GroupAnswer> {
        match request {
            GroupRequest::Read { user } => {
                self.lives(user)?;
                Ok(self.shown())
            }
            GroupRequest::Door { user, tries } => {
                Ok(self.with(|room| GroupReply::Door(room.door(user, tries, now()))))
            }
            GroupRequest::Join { user } => self.join(user).await,
            GroupRequest::Leave { user } => {
                self.leave(user, |group, now| group.leave(user, now).map(drop)).await
            }
            GroupRequest::Abandon { user, before } => {
                self.leave(user, |group, now| group.abandon(user, before, now)).await
            }
            GroupRequest::Start { user, kind } => self.start(user, kind).await,
            GroupRequest::End { user } => self.leave(user, |group, now| group.end(user, now)).await,
            GroupRequest::Say { user, draft } => self.say(user, draft).await,
            GroupRequest::Lines { user, offset, limit } => Ok(self.lines(user, offset, limit)),
            GroupRequest::Signals { user } => Ok(self.signals(user)),
            GroupRequest::Signal { user, to, signal } => self.signal(user, to, signal),
            GroupRequest::ClearSignals { user } => self.clear_signals(user),
        }
    }

    fn shown(&self) -> GroupAnswer {
        self.with(|room| GroupReply::Group(Box::new(room.group.clone())))
    }

    async fn join(&self, user: Sender) -> worker::Result<GroupAnswer> {
        let id = user.id;
        let joined = self.change(|room, now| {
            room.group.join(user, new_id(), now)?;
            room.seen.insert(id, now);
            room.guesses.remove(&id);
            // His own record of the group, should it still be open, goes on.
            room.leavers.retain(|leaver| *leaver != id);
            Ok(())
        });
        self.settled(joined?).await
    }

    async fn start(&self, user: Id, kind: Discussion) -> worker::Result<GroupAnswer> {
        let started = self.change(|room, now| {
            room.seen.insert(user, now);
            let seen = &room.seen;
            let present =
                |user| seen.get(&user).is_some_and(|seen: &Timestamp| now.since(*seen) <= PRESENT_MS);
            room.group.start(user, kind, present, now)
        });
        self.settled(started?).await
    }

    async fn leave(
        &self,
        user: Id,
        leave: impl FnOnce(&mut Group, Timestamp) -> Result<(), GroupRefusal>,
    ) -> worker::Result<GroupAnswer> {
        let left = self.change(|room, now| {
            leave(&mut room.group, now)?;
            room.after_leaving(user);
            Ok(())
        })?;
        self.drop_stale_signals()?;
        self.settled(left).await
    }

    /// Changes the group, and writes the change down. What changes nothing is not written.
    fn change(
        &self,
        change: impl FnOnce(&mut Room, Timestamp) -> Result<(), GroupRefusal>,
    ) -> worker::Result<GroupAnswer> {
        let now = now();
        let changed = self.with(|room| {
            let before = room.group.clone();
            change(room, now).map(|()| {
                let changed = room.group != before;
                if changed {
                    room.touched(now);
                }
                changed
            })
        });
        match changed {
            Ok(Ok(true)) => self.keep()?,
            Ok(Ok(false)) => {}
            Ok(Err(refusal)) => return Ok(Err(refusal.into())),
            Err(refusal) => return Ok(Err(refusal)),
        }
        Ok(self.shown())
    }

    /// After a change: the lists should know it before the answer is out, but a slow database must not make an error of
    /// what is done. The alarm pays what is left.
    async fn settled(&self, answer: GroupAnswer) -> worker::Result<GroupAnswer> {
        if answer.is_ok() {
            self.wake_at(now().plus(RETRY_MS)).await?;
            let paid = self.pay().fuse();
            let patience = Delay::from(PATIENCE).fuse();
            pin_mut!(paid, patience);
            select! {
                paid = paid => paid?,
                () = patience => {}
            }
        }
        Ok(answer)
    }

    /// Lets members pass, and notes that this one lives.
    fn member(&self, user: Id) -> Result<(), RoomRefusal> {
        let is_member = self.with(|room| room.group.member(user).is_some())?;
        if !is_member {
            return Err(GroupRefusal::NotMember.into());
        }
        // A note that fails only shortens the lease.
        let _ = self.lives(user);
        Ok(())
    }

    /// Lets members of a group pass that is not over.
    fn live_member(&self, user: Id) -> Result<(), RoomRefusal> {
        self.member(user)?;
        if self.with(|room| room.group.status.is_final())? {
            return Err(GroupRefusal::Over.into());
        }
        Ok(())
    }
}

impl Room {
    /// A try counts here, in one step with the check: tries at once cannot slip through.
    fn door(&mut self, user: Id, tries: bool, now: Timestamp) -> Door {
        let group = &self.group;
        let refusal = if group.status.is_final() {
            Some(GroupRefusal::Over)
        } else {
            group.is_full().then_some(GroupRefusal::Full)
        };
        self.guesses.retain(|_, guesses| {
            guesses.retain(|at| now.since(*at) < GUESS_MS);
            !guesses.is_empty()
        });
        let made = self.guesses.get(&user).map_or(0, Vec::len);
        let is_barred = made >= MAX_GUESSES;
        if tries && !is_barred && refusal.is_none() && self.lock.is_some() {
            self.guesses.entry(user).or_default().push(now);
        }
        Door { region: group.region, refusal, lock: self.lock.clone(), is_barred }
    }

    /// Somebody is out, or the whole group is over: signaling holds addresses and goes with them.
    fn after_leaving(&mut self, user: Id) {
        if self.group.status.is_final() {
            self.mesh.end();
        } else if self.group.member(user).is_none() {
            self.mesh.leave(user);
            self.seen.remove(&user);
            self.leavers.push(user);
        }
    }

    /// The group is another one now; its document must follow at once.
    fn touched(&mut self, now: Timestamp) {
        self.changes += 1;
        self.record_at = Some(now);
    }
}
