//! One object per region: who waits for a partner.
//!
//! Taking a waiter out of the queue is one synchronous step, so nobody is matched twice. The room has the last word: a
//! waiter who has just given up is refused there, and the next one is tried.

use std::{cell::RefCell, time::Duration};

use domain::{
    Id, Timestamp,
    matchmaking::{Queue, Waiter},
    session::{EndReason, Session},
};
use futures_util::{FutureExt, pin_mut, select};
use serde::{Deserialize, Serialize};
use worker::{Delay, DurableObject, Env, Request, Response, State, durable_object, wasm_bindgen};

use crate::{
    call_room::{CallRoom, RoomReply, RoomRequest},
    rpc::{self, Object},
    runtime::{now, store},
    sql::{int, rows, run},
};

/// How long a match waits for the account of the waiter.
const PATIENCE: Duration = Duration::from_millis(500);
const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS waiters (id TEXT PRIMARY KEY, session TEXT NOT NULL, seen INTEGER NOT NULL)";

/// What a lobby can be asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum LobbyRequest {
    /// Match the host of this waiting session, or let him wait with it.
    Pair {
        /// His session, not opened yet.
        session: Session,
    },
    /// The waiter of this session lives.
    Touch {
        /// His session.
        session: Id,
    },
    /// Is this session in the queue?
    Waits {
        /// The session.
        session: Id,
    },
    /// The waiter of this session gave up.
    Remove {
        /// His session.
        session: Id,
    },
}

/// What a lobby answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LobbyReply {
    /// The other's session, now active.
    Matched(Session),
    /// In the queue.
    Waiting,
    /// Whether the session is in the queue.
    Alive(bool),
    /// Done.
    Done,
    /// The room could not be opened; try again.
    Unavailable,
}

/// See the module.
#[durable_object]
pub struct RegionLobby {
    state: State,
    env: Env,
    lobby: RefCell<Option<Lobby>>,
}

#[derive(Default)]
struct Lobby {
    queue: Queue,
    alarm: Option<Timestamp>,
}

impl std::panic::RefUnwindSafe for RegionLobby {}

impl Object for RegionLobby {
    const BINDING: &'static str = "REGION_LOBBY";
    type Request = LobbyRequest;
    type Reply = LobbyReply;
}

impl DurableObject for RegionLobby {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, lobby: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request = rpc::read::<Self>(&mut request).await?;
        self.load()?;
        let reply = match request {
            LobbyRequest::Pair { session } => self.pair(session).await?,
            LobbyRequest::Touch { session } => LobbyReply::Alive(self.touch(session)?),
            LobbyRequest::Waits { session } => {
                LobbyReply::Alive(self.with(|lobby| lobby.queue.contains(session)).unwrap_or(false))
            }
            LobbyRequest::Remove { session } => {
                self.with(|lobby| lobby.queue.remove(session));
                self.delete_row(session)?;
                LobbyReply::Done
            }
        };
        rpc::reply::<Self>(&reply)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.load()?;
        let silent = self.with(|lobby| {
            lobby.alarm = None;
            lobby.queue.expire(now())
        });
        for waiter in silent.unwrap_or_default() {
            self.delete_row(waiter.session.id)?;
            if let Some(user) = waiter.user() {
                let leave = RoomRequest::Leave { user, reason: EndReason::LeaseExpired };
                // A room that cannot be told keeps its own lease.
                let _ = rpc::call::<CallRoom>(&self.env, &waiter.session.id.to_string(), &leave).await;
            }
        }
        self.arm().await?;
        Response::empty()
    }
}

impl RegionLobby {
    fn load(&self) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            session: String,
            seen: i64,
        }
        if self.lobby.borrow().is_some() {
            return Ok(());
        }
        let sql = self.state.storage().sql();
        run(&sql, SCHEMA, vec![])?;
        let mut lobby = Lobby::default();
        for row in rows::<Row>(&sql, "SELECT session, seen FROM waiters ORDER BY rowid", vec![])? {
            let seen = Timestamp::from_millis(row.seen);
            lobby.queue.push(Waiter { session: serde_json::from_str(&row.session)?, seen });
        }
        *self.lobby.borrow_mut() = Some(lobby);
        Ok(())
    }

    fn with<T>(&self, f: impl FnOnce(&mut Lobby) -> T) -> Option<T> {
        self.lobby.borrow_mut().as_mut().map(f)
    }

    async fn pair(&self, session: Session) -> worker::Result<LobbyReply> {
        let Some(seeker) = session.host().map(|host| host.user.clone()) else {
            return Ok(LobbyReply::Unavailable);
        };
        loop {
            let taken = self.with(|lobby| lobby.queue.take(session.session_type, seeker.id, now())).flatten();
            let Some(waiter) = taken else { break };
            self.delete_row(waiter.session.id)?;
            if !self.may_be_matched(&waiter).await {
                continue;
            }
            let room = waiter.session.id.to_string();
            let join = RoomRequest::Join { session: waiter.session, partner: seeker.clone() };
            if let Ok(Ok(RoomReply::Session(details))) = rpc::call::<CallRoom>(&self.env, &room, &join).await
            {
                return Ok(LobbyReply::Matched(details.session));
            }
        }
        self.wait(session).await
    }

    /// Whether the waiter still has an active account; one who has not is sent away.
    async fn may_be_matched(&self, waiter: &Waiter) -> bool {
        let (Some(user), Ok(store)) = (waiter.user(), store(&self.env)) else { return false };
        let read = ::store::users::account(&store, user).fuse();
        let patience = Delay::from(PATIENCE).fuse();
        pin_mut!(read, patience);
        // While the database is slow or cannot be reached, the waiter is believed.
        let is_gone = select! {
            account = read => matches!(&account, Ok(found) if !found.as_ref().is_some_and(|found| found.is_active)),
            () = patience => false,
        };
        if is_gone {
            let leave = RoomRequest::Leave { user, reason: EndReason::Cancelled };
            let _ = rpc::call::<CallRoom>(&self.env, &waiter.session.id.to_string(), &leave).await;
        }
        !is_gone
    }

    /// Enters the queue before anything is awaited, so that two who come at once cannot both miss the other.
    async fn wait(&self, session: Session) -> worker::Result<LobbyReply> {
        let seen = now();
        let row =
            vec![session.id.to_string().into(), serde_json::to_string(&session)?.into(), int(seen.millis())];
        run(
            &self.state.storage().sql(),
            "INSERT OR REPLACE INTO waiters (id, session, seen) VALUES (?, ?, ?)",
            row,
        )?;
        self.with(|lobby| lobby.queue.push(Waiter { session: session.clone(), seen }));
        self.arm().await?;
        let id = session.id;
        let opened = rpc::call::<CallRoom>(&self.env, &id.to_string(), &RoomRequest::Open { session }).await;
        if opened.is_err() {
            self.with(|lobby| lobby.queue.remove(id));
            self.delete_row(id)?;
            return Ok(LobbyReply::Unavailable);
        }
        Ok(LobbyReply::Waiting)
    }

    /// Notes a sign of life, in the database too: the object is evicted between two of them.
    fn touch(&self, session: Id) -> worker::Result<bool> {
        let now = now();
        let waits = self.with(|lobby| lobby.queue.touch(session, now)).unwrap_or(false);
        if waits {
            let row = vec![int(now.millis()), session.to_string().into()];
            run(&self.state.storage().sql(), "UPDATE waiters SET seen = ? WHERE id = ?", row)?;
        }
        Ok(waits)
    }

    fn delete_row(&self, session: Id) -> worker::Result<()> {
        run(&self.state.storage().sql(), "DELETE FROM waiters WHERE id = ?", vec![session.to_string().into()])
    }

    /// Sets the alarm for the first waiter who may fall silent, unless it is set for an earlier time.
    async fn arm(&self) -> worker::Result<()> {
        let due = self.with(|lobby| {
            let next = lobby.queue.next_expiry()?;
            if lobby.alarm.is_some_and(|set| set <= next) {
                return None;
            }
            lobby.alarm = Some(next);
            Some(next)
        });
        match due.flatten() {
            Some(next) => self.state.storage().set_alarm(next.since(now()).max(1)).await,
            None => Ok(()),
        }
    }
}
