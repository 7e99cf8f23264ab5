//! The durable log of a room.
//!
//! One row for each thing that is still true: the offer, the answer, each candidate, each chat line, the last change of
//! status. A row takes a slot and replaces what was in it. Everything in memory is a fold over the rows in the order of
//! their numbers, and so is the replay for a client that comes back.

use domain::{
    Id, Timestamp,
    session::Session,
    signaling::{EndedBy, Event, Frame, slot},
};
use serde::{Deserialize, Serialize};

use super::{
    CallRoom, Loaded, RoomRefusal,
    api::{RoomAnswer, RoomReply},
    room::Room,
};
use crate::{
    runtime::now,
    sql::{has_table, int, rows, run},
};

const SCHEMA: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS log (slot TEXT PRIMARY KEY, seq INTEGER NOT NULL, frame TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS accepted (client TEXT PRIMARY KEY, reply TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS seen (user TEXT PRIMARY KEY, at INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS room (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)",
];

/// What is kept beside the log.
#[derive(Serialize, Deserialize)]
struct Kept {
    session: Session,
    recorded: u64,
    recorded_lines: usize,
    discarded: bool,
    awarded: usize,
    untold: Vec<Id>,
}

#[derive(Deserialize)]
struct FrameRow {
    frame: String,
}

#[derive(Deserialize)]
struct ReplyRow {
    reply: String,
}

#[derive(Deserialize)]
struct SeenRow {
    user: String,
    at: i64,
}

/// A sign of life reaches the database this often, ms: the object is evicted between two of them.
const NOTE_MS: i64 = 10_000;

impl CallRoom {
    /// Writes down a sign of life, unless one was a moment ago.
    pub(super) fn note(&self, user: Id, now: Timestamp) -> worker::Result<()> {
        let due = self.with(|room| {
            let due = room.noted.get(&user).is_none_or(|at| now.since(*at) >= NOTE_MS);
            if due {
                room.noted.insert(user, now);
            }
            due
        });
        if due != Some(true) {
            return Ok(());
        }
        let row = vec![user.to_string().into(), int(now.millis())];
        run(&self.state.storage().sql(), "INSERT OR REPLACE INTO seen (user, at) VALUES (?, ?)", row)
    }

    /// Rebuilds the room from its database, once per life of the object.
    pub(super) async fn load(&self) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct KeptRow {
            state: String,
        }
        if !matches!(*self.room.borrow(), Loaded::NotYet) {
            return Ok(());
        }
        let sql = self.state.storage().sql();
        // An object that was only asked for must not leave a database behind.
        if !has_table(&sql, "room")? {
            *self.room.borrow_mut() = Loaded::Empty;
            return Ok(());
        }
        let Some(row) = rows::<KeptRow>(&sql, "SELECT state FROM room", vec![])?.pop() else {
            *self.room.borrow_mut() = Loaded::Empty;
            return Ok(());
        };
        let kept: Kept = serde_json::from_str(&row.state)?;
        let mut room = Room::new(kept.session, now());
        (room.recorded, room.recorded_lines) = (kept.recorded, kept.recorded_lines);
        (room.awarded, room.untold, room.discarded) = (kept.awarded, kept.untold, kept.discarded);
        for row in rows::<FrameRow>(&sql, "SELECT frame FROM log ORDER BY seq", vec![])? {
            room.apply(&serde_json::from_str(&row.frame)?);
        }
        for row in rows::<SeenRow>(&sql, "SELECT user, at FROM seen", vec![])? {
            if let Ok(user) = row.user.parse() {
                room.seen.insert(user, Timestamp::from_millis(row.at));
                room.noted.insert(user, Timestamp::from_millis(row.at));
            }
        }
        self.reconnect(&mut room);
        *self.room.borrow_mut() = Loaded::Room(Box::new(room));
        // Whatever was due when the object went to sleep or was killed is looked at soon.
        self.wake_at(now().plus(1000)).await
    }

    /// Makes this the room of a session.
    pub(super) fn create(&self, session: Session) -> worker::Result<()> {
        let sql = self.state.storage().sql();
        for statement in SCHEMA {
            run(&sql, statement, vec![])?;
        }
        let (now, host) = (now(), session.host().map(|host| host.user.id));
        *self.room.borrow_mut() = Loaded::Room(Box::new(Room::new(session.clone(), now)));
        match host {
            Some(host) => self.change_session(session, host, now),
            None => Ok(()),
        }
    }

    /// Writes the session as it is now, logs the change, and tells the sockets.
    pub(super) fn change_session(&self, session: Session, by: Id, now: Timestamp) -> worker::Result<()> {
        let name = |id: Id| session.participant(id).map(|p| p.user.name.clone()).unwrap_or_default();
        let event = Event::Status {
            status: session.status,
            session_type: session.session_type,
            ended_by: session.ended_by.map(|id| EndedBy { id, name: name(id) }),
            reason: session.end_reason,
            ended_at: session.ended_at,
            duration: session.duration,
        };
        let reset = session.status.is_final();
        self.with(|room| {
            for participant in &session.participants {
                room.seen.entry(participant.user.id).or_insert(now);
            }
            // Hubs hold what a learner can be in only once; calls of groups are not of that kind.
            let of_two = session.participants.iter().filter(|_| !session.session_type.is_group());
            room.untold = of_two.map(|participant| participant.user.id).collect();
            room.session = session;
        });
        let newcomers = self.with(|room| {
            let users = room.session.participants.iter().map(|participant| participant.user.id);
            users.filter(|user| !room.noted.contains_key(user)).collect::<Vec<_>>()
        });
        for user in newcomers.unwrap_or_default() {
            self.note(user, now)?;
        }
        self.keep()?;
        if reset {
            // Session descriptions hold addresses: they go with the session.
            self.log(by, None, |room| Ok(Some(room.signaling.reset())))?.ok();
        }
        self.log(by, None, |_| Ok(Some(event)))?.ok();
        Ok(())
    }

    /// Writes what is kept beside the log.
    pub(super) fn keep(&self) -> worker::Result<()> {
        let kept = self.with(|room| {
            serde_json::to_string(&Kept {
                session: room.session.clone(),
                recorded: room.recorded,
                recorded_lines: room.recorded_lines,
                discarded: room.discarded,
                awarded: room.awarded,
                untold: room.untold.clone(),
            })
        });
        let Some(kept) = kept.transpose()? else { return Ok(()) };
        let sql = self.state.storage().sql();
        run(&sql, "INSERT OR REPLACE INTO room (id, state) VALUES (1, ?)", vec![kept.into()])
    }

    /// Logs what `make` makes of the room: writes the row, applies it, and broadcasts it. `None` means that there is
    /// nothing new to say. `client` is the sender's own id of the message: a repeat is answered like the first.
    pub(super) fn log(
        &self,
        from: Id,
        client: Option<&str>,
        make: impl FnOnce(&Room) -> Result<Option<Event>, RoomRefusal>,
    ) -> worker::Result<RoomAnswer> {
        let sql = self.state.storage().sql();
        let client = client.map(|id| format!("{from}:{id}"));
        if let Some(client) = &client {
            let query = "SELECT reply FROM accepted WHERE client = ?";
            if let Some(row) = rows::<ReplyRow>(&sql, query, vec![client.as_str().into()])?.pop() {
                return Ok(Ok(serde_json::from_str(&row.reply)?));
            }
        }
        let outcome = self.with(|room| {
            make(room).map(|event| {
                event.map(|event| {
                    let void = room.signaling.superseded(from, &event);
                    (Frame { v: 1, seq: room.seq + 1, ts: now(), from, event }, void)
                })
            })
        });
        let (frame, void) = match outcome {
            None => return Ok(Err(RoomRefusal::Unknown)),
            Some(Err(refusal)) => return Ok(Err(refusal)),
            Some(Ok(None)) => return Ok(Ok(RoomReply::Done)),
            Some(Ok(Some(logged))) => logged,
        };
        for slot in void {
            run(&sql, "DELETE FROM log WHERE slot = ?", vec![slot.into()])?;
        }
        let text = serde_json::to_string(&frame)?;
        let row = vec![slot(&frame.event).into(), int(frame.seq), text.as_str().into()];
        run(&sql, "INSERT OR REPLACE INTO log (slot, seq, frame) VALUES (?, ?, ?)", row)?;
        self.with(|room| room.apply(&frame));
        self.broadcast(&text, from);
        let reply = RoomReply::from(frame.event);
        if let Some(client) = client {
            let row = vec![client.into(), serde_json::to_string(&reply)?.into()];
            run(&sql, "INSERT OR REPLACE INTO accepted (client, reply) VALUES (?, ?)", row)?;
        }
        Ok(Ok(reply))
    }

    /// The frames after number `after`, oldest first, or `None` when they are too many to replay.
    pub(super) fn frames_after(&self, after: u64) -> worker::Result<Option<Vec<String>>> {
        const MOST: usize = 200;
        let query = "SELECT frame FROM log WHERE seq > ? ORDER BY seq LIMIT ?";
        let sql = self.state.storage().sql();
        let found = rows::<FrameRow>(&sql, query, vec![int(after), int(MOST + 1)])?;
        Ok((found.len() <= MOST).then(|| found.into_iter().map(|row| row.frame).collect()))
    }
}

impl From<Event> for RoomReply {
    fn from(event: Event) -> Self {
        if let Event::Chat(line) = event { Self::Line(line) } else { Self::Done }
    }
}
