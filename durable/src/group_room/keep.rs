//! The group's own database: what a restart must find again.

use std::collections::BTreeMap;

use domain::{
    Id, Timestamp,
    chat::Line,
    group::Group,
    mesh::{Mesh, Sent},
};
use serde::{Deserialize, Serialize};

use super::{GroupRoom, Room, RoomRefusal, record::REVISIONS};
use crate::{
    runtime::{now, store},
    sql::{has_table, int, rows, run},
};

const SCHEMA: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS room (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS signals (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sender TEXT NOT NULL, addressee TEXT NOT NULL, signal TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS lines (seq INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS seen (user TEXT PRIMARY KEY, at INTEGER NOT NULL)",
];
/// A sign of life reaches the database this often, ms.
const NOTE_MS: i64 = 30_000;

/// What is kept of the group itself.
#[derive(Serialize, Deserialize)]
struct Kept {
    group: Group,
    lock: Option<String>,
    changes: u64,
    recorded: u64,
    recorded_lines: usize,
    leavers: Vec<Id>,
    closed: bool,
}

impl GroupRoom {
    /// Rebuilds the group from its own database, or takes it over from MongoDB, once per life of the object.
    pub(super) async fn load(&self) -> worker::Result<Result<(), RoomRefusal>> {
        #[derive(Deserialize)]
        struct StateRow {
            state: String,
        }
        if self.room.borrow().is_some() {
            return Ok(Ok(()));
        }
        let sql = self.state.storage().sql();
        // An object that was only asked for must not leave a database behind.
        let known = has_table(&sql, "room")?;
        let row = if known { rows::<StateRow>(&sql, "SELECT state FROM room", vec![])?.pop() } else { None };
        match row {
            Some(row) => {
                let room = self.kept(serde_json::from_str(&row.state)?)?;
                *self.room.borrow_mut() = Some(room);
            }
            None => match self.take_over().await? {
                Ok(()) => {}
                Err(refusal) => return Ok(Err(refusal)),
            },
        }
        // Whatever was due when the object went to sleep or was killed is looked at soon.
        self.wake_at(now().plus(1000)).await?;
        Ok(Ok(()))
    }

    fn kept(&self, kept: Kept) -> worker::Result<Room> {
        #[derive(Deserialize)]
        struct LineRow {
            line: String,
        }
        #[derive(Deserialize)]
        struct SignalRow {
            signal: String,
        }
        #[derive(Deserialize)]
        struct SeenRow {
            user: String,
            at: i64,
        }
        let sql = self.state.storage().sql();
        let mut room = Room::new(kept.group, kept.lock);
        (room.changes, room.recorded) = (kept.changes, kept.recorded);
        (room.recorded_lines, room.leavers, room.closed) = (kept.recorded_lines, kept.leavers, kept.closed);
        for row in rows::<LineRow>(&sql, "SELECT line FROM lines ORDER BY seq", vec![])? {
            room.lines.push(serde_json::from_str(&row.line)?);
        }
        let signals = rows::<SignalRow>(&sql, "SELECT signal FROM signals ORDER BY seq", vec![])?;
        let signals = signals.iter().map(|row| serde_json::from_str(&row.signal)).collect::<Result<_, _>>();
        room.mesh = Mesh::of(signals?);
        for row in rows::<SeenRow>(&sql, "SELECT user, at FROM seen", vec![])? {
            if let Ok(user) = row.user.parse() {
                let at = Timestamp::from_millis(row.at);
                room.seen.insert(user, at);
                room.noted.insert(user, at);
            }
        }
        Ok(room)
    }

    /// Everybody who is listed counts as here for the time of a lease.
    async fn take_over(&self) -> worker::Result<Result<(), RoomRefusal>> {
        let Some(id) = self.state.id().name().and_then(|name| name.parse::<Id>().ok()) else {
            return Ok(Err(RoomRefusal::Unknown));
        };
        let found = ::store::groups::by_id(&store(&self.env)?, id).await;
        // Another request may have been faster.
        if self.room.borrow().is_some() {
            return Ok(Ok(()));
        }
        let stored = match found {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Err(RoomRefusal::Unknown)),
            Err(_) => return Ok(Err(RoomRefusal::Unavailable)),
        };
        let sql = self.state.storage().sql();
        for statement in SCHEMA {
            run(&sql, statement, vec![])?;
        }
        let now = now();
        let users: Vec<Id> = stored.group.members.iter().map(|member| member.user.id).collect();
        let mut room = Room::new(stored.group, stored.lock);
        // Above whatever an earlier object of this group wrote.
        room.changes = stored.revision.div_ceil(REVISIONS);
        room.recorded = room.changes;
        (room.recorded_lines, room.lines) = (stored.lines.len(), stored.lines);
        room.seen = users.iter().map(|user| (*user, now)).collect();
        for line in &room.lines {
            self.keep_line(line)?;
        }
        *self.room.borrow_mut() = Some(room);
        for user in users {
            self.note(user, now)?;
        }
        self.keep()?;
        Ok(Ok(()))
    }

    /// Notes that a member lives. Strangers may look, but do not keep a group alive.
    pub(super) fn lives(&self, user: Id) -> worker::Result<()> {
        let now = now();
        let due = self.with(|room| {
            if room.group.member(user).is_none() {
                return false;
            }
            room.seen.insert(user, now);
            room.noted.get(&user).is_none_or(|at| now.since(*at) >= NOTE_MS)
        });
        if due == Ok(true) { self.note(user, now) } else { Ok(()) }
    }

    fn note(&self, user: Id, now: Timestamp) -> worker::Result<()> {
        let _ = self.with(|room| room.noted.insert(user, now));
        let row = vec![user.to_string().into(), int(now.millis())];
        run(&self.state.storage().sql(), "INSERT OR REPLACE INTO seen (user, at) VALUES (?, ?)", row)
    }

    /// Writes the group as it is now.
    pub(super) fn keep(&self) -> worker::Result<()> {
        let kept = self.with(|room| {
            serde_json::to_string(&Kept {
                group: room.group.clone(),
                lock: room.lock.clone(),
                changes: room.changes,
                recorded: room.recorded,
                recorded_lines: room.recorded_lines,
                leavers: room.leavers.clone(),
                closed: room.closed,
            })
        });
        let Ok(kept) = kept else { return Ok(()) };
        let sql = self.state.storage().sql();
        run(&sql, "INSERT OR REPLACE INTO room (id, state) VALUES (1, ?)", vec![kept?.into()])
    }

    /// Writes what a member sent, in place of what it makes void.
    pub(super) fn keep_signal(&self, sent: &Sent, void: Vec<Id>) -> worker::Result<()> {
        let sql = self.state.storage().sql();
        for id in void {
            run(&sql, "DELETE FROM signals WHERE id = ?", vec![id.to_string().into()])?;
        }
        let row = vec![
            sent.id.to_string().into(),
            sent.from.to_string().into(),
            sent.to.to_string().into(),
            serde_json::to_string(sent)?.into(),
        ];
        run(&sql, "INSERT INTO signals (id, sender, addressee, signal) VALUES (?, ?, ?, ?)", row)
    }

    /// Forgets what a member sent.
    pub(super) fn drop_signals_of(&self, user: Id) -> worker::Result<()> {
        let sql = self.state.storage().sql();
        run(&sql, "DELETE FROM signals WHERE sender = ?", vec![user.to_string().into()])
    }

    /// Forgets what is from or for people who are not in any more; everything, once the group is over.
    pub(super) fn drop_stale_signals(&self) -> worker::Result<()> {
        let sql = self.state.storage().sql();
        let gone = self.with(|room| {
            let former = room.group.former.iter().map(|former| former.user);
            let gone: Vec<Id> = former.filter(|user| room.group.member(*user).is_none()).collect();
            (room.group.status.is_final(), gone)
        });
        match gone {
            Ok((true, _)) => run(&sql, "DELETE FROM signals", vec![]),
            Ok((false, gone)) => gone.into_iter().try_for_each(|user| {
                let user = user.to_string();
                let query = "DELETE FROM signals WHERE sender = ? OR addressee = ?";
                run(&sql, query, vec![user.clone().into(), user.into()])
            }),
            Err(_) => Ok(()),
        }
    }

    /// Writes a chat line.
    pub(super) fn keep_line(&self, line: &Line) -> worker::Result<()> {
        let row = vec![serde_json::to_string(line)?.into()];
        run(&self.state.storage().sql(), "INSERT INTO lines (line) VALUES (?)", row)
    }
}

impl Room {
    fn new(group: Group, lock: Option<String>) -> Self {
        Self {
            group,
            lock,
            lines: Vec::new(),
            mesh: Mesh::default(),
            changes: 0,
            recorded: 0,
            recorded_lines: 0,
            record_at: None,
            leavers: Vec::new(),
            closed: false,
            seen: BTreeMap::new(),
            noted: BTreeMap::new(),
            guesses: BTreeMap::new(),
            alarm: None,
            attempts: 0,
        }
    }
}
