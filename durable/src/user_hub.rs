//! One object per user: which live sessions he is in, and his signs of life.
//!
//! It is the one place that decides whether a user may begin a session, so two requests at once cannot put him in two.
//! `sessions/active` is one read of it. Rooms tell it of every change; what a crash kept them from telling is found out
//! when the hub passes on the user's next sign of life.

use std::{cell::RefCell, collections::BTreeMap};

use domain::{
    Id, Timestamp,
    session::{Card, EndReason, RegionName, Session, SessionType, Status},
};
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, State, durable_object, wasm_bindgen};

use crate::{
    call_room::{CallRoom, RoomRefusal, RoomReply, RoomRequest},
    region_lobby::{LobbyReply, LobbyRequest, RegionLobby},
    rpc::{self, Object},
    runtime::{new_id, now},
    sql::{int, rows, run},
};

/// How often a waiter's sign of life is passed to the lobby at most, ms.
const LOBBY_TOUCH_MS: i64 = 5_000;
/// Opening the same lecture again within this time is the same opening, ms.
const SAME_OPENING_MS: i64 = 60_000;
/// Calls that wait for somebody to join, for one user.
const MAX_SCHEDULED: usize = 5;
/// How often a participant's is passed to the room at most, ms.
const ROOM_TOUCH_MS: i64 = 15_000;

/// What a hub can be asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum HubRequest {
    /// Find a partner, or wait for one.
    FindPartner {
        /// Who asks.
        card: Card,
        /// What for.
        session_type: SessionType,
        /// His region.
        region: RegionName,
    },
    /// He sets up a call.
    Schedule {
        /// It, not opened yet.
        session: Session,
    },
    /// His live sessions; counts as a sign of life.
    Live,
    /// End all of them.
    EndAll {
        /// Who: the hub's own user.
        user: Id,
    },
    /// He opened a lecture.
    Opened {
        /// Which.
        lecture: Id,
    },
    /// Sets tokens of a day aside, if they fit into its limit.
    ReserveTokens {
        /// The day.
        day: String,
        /// How many.
        tokens: i64,
        /// Most tokens of the day.
        limit: i64,
    },
    /// Gives back what was set aside, less what was used.
    SettleTokens {
        /// The day.
        day: String,
        /// What was set aside.
        reserved: i64,
        /// What was used of it, or beyond.
        used: i64,
    },
    /// A room tells of a change.
    Update {
        /// The session as it is now.
        session: Session,
    },
}

/// What a hub answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubReply {
    /// Matched: the session is active.
    Matched(Session),
    /// Nobody waits: the session does.
    Waiting(Session),
    /// He is in a live session already.
    AlreadyIn(Id),
    /// He has set up too many calls that nobody has joined yet.
    TooMany,
    /// Live sessions, newest first; or the ended ones for [`HubRequest::EndAll`].
    Sessions(Vec<Session>),
    /// Whether it counts.
    Counted(bool),
    /// Done.
    Done,
    /// Something behind the hub failed; try again.
    Unavailable,
}

/// See the module.
#[durable_object]
pub struct UserHub {
    state: State,
    env: Env,
    hub: RefCell<Option<Hub>>,
}

/// The hot state.
struct Hub {
    live: BTreeMap<Id, Session>,
    /// When a sign of life was last passed on, by session.
    passed_on: BTreeMap<Id, Timestamp>,
}

impl Hub {
    /// The session that keeps this user from matchmaking. A call that somebody else set up with him does not.
    fn taken_by(&self, user: Id) -> Option<Id> {
        let is_own = |session: &Session| session.host().is_some_and(|host| host.user.id == user);
        let takes = |session: &&Session| session.status != Status::Scheduled || is_own(session);
        self.live.values().find(takes).map(|session| session.id)
    }

    /// One call at a time with the same person, and few that nobody has joined.
    fn refuses(&self, new: &Session) -> Option<HubReply> {
        let others = || new.participants.iter().skip(1).map(|entry| entry.user.id);
        let with_same = |session: &&Session| others().any(|other| session.participant(other).is_some());
        if let Some(session) = self.live.values().find(with_same) {
            return Some(HubReply::AlreadyIn(session.id));
        }
        let open = self.live.values().filter(|session| session.status == Status::Scheduled).count();
        (open >= MAX_SCHEDULED).then_some(HubReply::TooMany)
    }
}

impl std::panic::RefUnwindSafe for UserHub {}

impl Object for UserHub {
    const BINDING: &'static str = "USER_HUB";
    type Request = HubRequest;
    type Reply = HubReply;
}

impl DurableObject for UserHub {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, hub: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request = rpc::read::<Self>(&mut request).await?;
        self.load()?;
        let reply = match request {
            HubRequest::FindPartner { card, session_type, region } => {
                self.find_partner(card, session_type, &region).await?
            }
            HubRequest::Schedule { session } => self.schedule(session).await?,
            HubRequest::Live => self.live_sessions(),
            HubRequest::Opened { lecture } => HubReply::Counted(self.opened(lecture)?),
            HubRequest::EndAll { user } => self.end_all(user).await?,
            HubRequest::ReserveTokens { day, tokens, limit } => {
                HubReply::Counted(self.reserve_tokens(&day, tokens, limit)?)
            }
            HubRequest::SettleTokens { day, reserved, used } => {
                self.add_tokens(&day, used - reserved)?;
                HubReply::Done
            }
            HubRequest::Update { session } => {
                self.put(session)?;
                HubReply::Done
            }
        };
        rpc::reply::<Self>(&reply)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        Response::empty()
    }
}

impl UserHub {
    fn load(&self) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            session: String,
        }
        if self.hub.borrow().is_some() {
            return Ok(());
        }
        let sql = self.state.storage().sql();
        run(&sql, "CREATE TABLE IF NOT EXISTS live (id TEXT PRIMARY KEY, session TEXT NOT NULL)", vec![])?;
        run(
            &sql,
            "CREATE TABLE IF NOT EXISTS opened (lecture TEXT PRIMARY KEY, at INTEGER NOT NULL)",
            vec![],
        )?;
        run(&sql, "CREATE TABLE IF NOT EXISTS tokens (day TEXT PRIMARY KEY, used INTEGER NOT NULL)", vec![])?;
        let mut live = BTreeMap::new();
        for row in rows::<Row>(&sql, "SELECT session FROM live", vec![])? {
            let session: Session = serde_json::from_str(&row.session)?;
            live.insert(session.id, session);
        }
        *self.hub.borrow_mut() = Some(Hub { live, passed_on: BTreeMap::new() });
        Ok(())
    }

    fn with<T>(&self, f: impl FnOnce(&mut Hub) -> T) -> Option<T> {
        self.hub.borrow_mut().as_mut().map(f)
    }

    /// Notes that he opened a lecture. Says whether that counts: opening it again at once does not.
    fn opened(&self, lecture: Id) -> worker::Result<bool> {
        let sql = self.state.storage().sql();
        let now = now().millis();
        run(&sql, "DELETE FROM opened WHERE at <= ?", vec![int(now - SAME_OPENING_MS)])?;
        let insert = "INSERT OR IGNORE INTO opened (lecture, at) VALUES (?, ?) RETURNING lecture";
        let new = rows::<serde_json::Value>(&sql, insert, vec![lecture.to_string().into(), int(now)])?;
        Ok(!new.is_empty())
    }

    /// Sets tokens aside. Reading and writing are one synchronous step, so questions at once cannot overdraw.
    fn reserve_tokens(&self, day: &str, tokens: i64, limit: i64) -> worker::Result<bool> {
        #[derive(Deserialize)]
        struct Row {
            used: i64,
        }
        let sql = self.state.storage().sql();
        let used = rows::<Row>(&sql, "SELECT used FROM tokens WHERE day = ?", vec![day.into()])?.pop();
        if used.map_or(0, |row| row.used) + tokens > limit {
            return Ok(false);
        }
        run(&sql, "DELETE FROM tokens WHERE day <> ?", vec![day.into()])?;
        self.add_tokens(day, tokens)?;
        Ok(true)
    }

    fn add_tokens(&self, day: &str, tokens: i64) -> worker::Result<()> {
        let query = "INSERT INTO tokens (day, used) VALUES (?, MAX(0, ?2)) ON CONFLICT (day) DO UPDATE SET used = MAX(0, used + ?2)";
        run(&self.state.storage().sql(), query, vec![day.into(), int(tokens)])
    }

    /// Takes in a session as it is now: live ones are kept, ended ones forgotten.
    fn put(&self, session: Session) -> worker::Result<()> {
        if session.status.is_final() {
            return self.forget(session.id);
        }
        let sql = self.state.storage().sql();
        let row = vec![session.id.to_string().into(), serde_json::to_string(&session)?.into()];
        run(&sql, "INSERT OR REPLACE INTO live (id, session) VALUES (?, ?)", row)?;
        self.with(|hub| hub.live.insert(session.id, session));
        Ok(())
    }

    fn forget(&self, id: Id) -> worker::Result<()> {
        self.with(|hub| {
            hub.passed_on.remove(&id);
            hub.live.remove(&id)
        });
        run(&self.state.storage().sql(), "DELETE FROM live WHERE id = ?", vec![id.to_string().into()])
    }

    /// The waiting session is written down before anybody else hears of it: from then on the user is taken.
    async fn find_partner(
        &self,
        card: Card,
        session_type: SessionType,
        region: &RegionName,
    ) -> worker::Result<HubReply> {
        if let Some(Some(id)) = self.with(|hub| hub.taken_by(card.id)) {
            return Ok(HubReply::AlreadyIn(id));
        }
        let lobby = card.region.to_string();
        let session = Session::waiting(new_id(), session_type, card, region, now());
        let id = session.id;
        self.put(session.clone())?;
        let paired =
            rpc::call::<RegionLobby>(&self.env, &lobby, &LobbyRequest::Pair { session: session.clone() })
                .await;
        let cancelled = self.with(|hub| !hub.live.contains_key(&id)) == Some(true);
        match paired {
            // He cancelled while he was being paired: whatever came of it ends at once.
            Ok(LobbyReply::Waiting) if cancelled => self.give_up(session.id, session).await,
            Ok(LobbyReply::Matched(matched)) if cancelled => self.give_up(matched.id, session).await,
            Ok(LobbyReply::Waiting) => Ok(HubReply::Waiting(session)),
            Ok(LobbyReply::Matched(matched)) => {
                self.forget(id)?;
                self.put(matched.clone())?;
                Ok(HubReply::Matched(matched))
            }
            Ok(_) | Err(_) => {
                self.forget(id)?;
                Ok(HubReply::Unavailable)
            }
        }
    }

    /// The call is written down before its room opens, so that two requests at once set up one.
    async fn schedule(&self, session: Session) -> worker::Result<HubReply> {
        if let Some(Some(refusal)) = self.with(|hub| hub.refuses(&session)) {
            return Ok(refusal);
        }
        let id = session.id;
        self.put(session.clone())?;
        let open = RoomRequest::Open { session };
        if let Ok(Ok(_)) = rpc::call::<CallRoom>(&self.env, &id.to_string(), &open).await {
            return Ok(HubReply::Done);
        }
        self.forget(id)?;
        Ok(HubReply::Unavailable)
    }

    async fn give_up(&self, room: Id, waiting: Session) -> worker::Result<HubReply> {
        let Some(user) = waiting.host().map(|host| host.user.id) else { return Ok(HubReply::Unavailable) };
        let leave = RoomRequest::Leave { user, reason: EndReason::Cancelled };
        let _ = rpc::call::<CallRoom>(&self.env, &room.to_string(), &leave).await;
        Ok(HubReply::Waiting(Session { status: Status::Cancelled, ..waiting }))
    }

    fn live_sessions(&self) -> HubReply {
        let now = now();
        let due = self.with(|hub| {
            let mut due = Vec::new();
            for session in hub.live.values() {
                let waits = session.status == Status::WaitingForPartner;
                let interval = if waits { LOBBY_TOUCH_MS } else { ROOM_TOUCH_MS };
                if hub.passed_on.get(&session.id).is_none_or(|last| now.since(*last) >= interval) {
                    due.push(session.clone());
                }
            }
            for session in &due {
                hub.passed_on.insert(session.id, now);
            }
            due
        });
        for session in due.unwrap_or_default() {
            self.pass_on(session);
        }
        let mut live: Vec<Session> =
            self.with(|hub| hub.live.values().cloned().collect()).unwrap_or_default();
        live.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        HubReply::Sessions(live)
    }

    /// Passes a sign of life to whoever keeps the lease, without making the user wait. Learns on the way when the
    /// session is over and its room could not say so.
    fn pass_on(&self, session: Session) {
        let Some(user) = self.state.id().name().and_then(|name| name.parse::<Id>().ok()) else { return };
        let env = self.env.clone();
        self.state.wait_until(async move {
            if !still_lives(&env, &session, user).await {
                let session = Session { status: Status::Completed, ..session };
                // A failure here is made good by the next sign of life.
                let _ = rpc::call::<Self>(&env, &user.to_string(), &HubRequest::Update { session }).await;
            }
        });
    }

    async fn end_all(&self, user: Id) -> worker::Result<HubReply> {
        let ids: Vec<Id> = self.with(|hub| hub.live.keys().copied().collect()).unwrap_or_default();
        let mut ended = Vec::with_capacity(ids.len());
        for id in ids {
            let leave = RoomRequest::Leave { user, reason: EndReason::Left };
            match rpc::call::<CallRoom>(&self.env, &id.to_string(), &leave).await {
                Ok(Ok(RoomReply::Session(details))) => {
                    self.forget(id)?;
                    ended.push(details.session);
                }
                Ok(Err(RoomRefusal::Unknown | RoomRefusal::NotParticipant)) => self.forget(id)?,
                Ok(_) | Err(_) => return Ok(HubReply::Unavailable),
            }
        }
        Ok(HubReply::Sessions(ended))
    }
}

/// Tells the lobby of a waiter, the room of a participant. False: the session is over; true also when nobody knows.
async fn still_lives(env: &Env, session: &Session, user: Id) -> bool {
    if session.status == Status::WaitingForPartner {
        let touch = LobbyRequest::Touch { session: session.id };
        if let Ok(LobbyReply::Alive(true)) =
            rpc::call::<RegionLobby>(env, &session.region.to_string(), &touch).await
        {
            return true;
        }
    }
    let touch = RoomRequest::Touch { user };
    let reply = rpc::call::<CallRoom>(env, &session.id.to_string(), &touch).await;
    !matches!(reply, Ok(Err(RoomRefusal::Unknown | RoomRefusal::NotParticipant | RoomRefusal::Finished)))
}
