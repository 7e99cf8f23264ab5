//! One object per region: who stands where.
//!
//! Members and events are in the object's database before an event is acknowledged; the order is rebuilt from them on
//! wake. An event counts once, whatever happens on its way. An object that has never been filled rebuilds itself from
//! MongoDB, page by page, and can be killed in between.

mod api;
mod rebuild;
mod windows;

use std::{cell::RefCell, collections::HashMap, time::Duration};

use domain::{
    Id, Timestamp,
    ranking::{Place, Ranking, Standing},
    window::Window,
};
use serde::Deserialize;
use store::leaderboards::Summary;
use worker::{Delay, DurableObject, Env, Request, Response, State, durable_object, wasm_bindgen};

pub use api::{Entry, LeaderboardReply, LeaderboardRequest, Member};
use windows::Running;

use crate::{
    rpc::{self, Object},
    runtime::{now, store},
    sql::{int, rows, run},
};

/// The summary in MongoDB follows within this time, ms.
const FLUSH_MS: i64 = 30_000;
const MEMBERS: &str =
    "SELECT id, points, since, name, picture FROM members WHERE id NOT IN (SELECT id FROM absent)";
const PUT_MEMBER: &str = "INSERT INTO members (id, points, since, name, picture) VALUES (?, 0, ?, ?, ?) \
    ON CONFLICT (id) DO UPDATE SET since = excluded.since, name = excluded.name, picture = excluded.picture \
    RETURNING points";
/// How long a request waits for the first rebuild.
const PATIENCE: u32 = 160;
const PATIENCE_STEP: Duration = Duration::from_millis(25);

/// See the module.
#[durable_object]
pub struct Leaderboard {
    state: State,
    env: Env,
    board: RefCell<Option<Board>>,
}

/// The hot state.
#[derive(Default)]
struct Board {
    ranking: Ranking,
    shown: HashMap<Id, Shown>,
    /// Rankings of those windows that somebody asked for.
    windows: Vec<Running>,
    /// Filled from MongoDB at least once.
    ready: bool,
    /// A flush is due.
    dirty: bool,
}

struct Shown {
    name: String,
    picture: Option<String>,
}

impl std::panic::RefUnwindSafe for Leaderboard {}

impl Object for Leaderboard {
    const BINDING: &'static str = "LEADERBOARD";
    type Request = LeaderboardRequest;
    type Reply = LeaderboardReply;
}

impl DurableObject for Leaderboard {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, board: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request = rpc::read::<Self>(&mut request).await?;
        self.load()?;
        let reply = match request {
            LeaderboardRequest::Participated { student, event, at } => {
                self.participated(student, &event, at).await?
            }
            LeaderboardRequest::Member { member } => {
                self.put_member(&member)?;
                self.flush_soon().await?;
                LeaderboardReply::Done
            }
            LeaderboardRequest::Refresh { student } => {
                if !self.adopt(student).await? {
                    self.put_away(student)?;
                }
                self.flush_soon().await?;
                LeaderboardReply::Done
            }
            LeaderboardRequest::Page { .. }
            | LeaderboardRequest::After { .. }
            | LeaderboardRequest::Rank { .. }
                if !self.ready_in_time().await? =>
            {
                LeaderboardReply::NotReady
            }
            LeaderboardRequest::Page { window, offset, limit } => self.page(window, offset, limit)?,
            LeaderboardRequest::After { window, place, limit } => self.after(window, &place, limit)?,
            LeaderboardRequest::Rank { window, student, around } => {
                self.rank(window, student, around).await?
            }
        };
        rpc::reply::<Self>(&reply)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.load()?;
        let rebuilt = self.with(|board| board.ready) || self.rebuild().await.is_ok();
        let flushed = rebuilt && self.flush().await;
        if !flushed {
            let pause = if rebuilt { FLUSH_MS } else { 1000 };
            self.state.storage().set_alarm(pause).await?;
        }
        Response::empty()
    }
}

impl Leaderboard {
    fn load(&self) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
            points: u64,
            since: i64,
            name: String,
            picture: Option<String>,
        }
        if self.board.borrow().is_some() {
            return Ok(());
        }
        let sql = self.state.storage().sql();
        for statement in rebuild::SCHEMA {
            run(&sql, statement, vec![])?;
        }
        let mut board =
            Board { ready: self.progress()?.is_some_and(|progress| progress.done == 1), ..Board::default() };
        for row in rows::<Row>(&sql, MEMBERS, vec![])? {
            let Ok(id) = row.id.parse() else { continue };
            board.ranking.set(id, Standing { points: row.points, since: Timestamp::from_millis(row.since) });
            board.shown.insert(id, Shown { name: row.name, picture: row.picture });
        }
        *self.board.borrow_mut() = Some(board);
        Ok(())
    }

    fn with<T: Default>(&self, f: impl FnOnce(&mut Board) -> T) -> T {
        self.board.borrow_mut().as_mut().map(f).unwrap_or_default()
    }

    fn region(&self) -> Option<Id> {
        self.state.id().name().and_then(|name| name.parse().ok())
    }

    /// Starts the first rebuild if it is needed, and waits a while for it.
    async fn ready_in_time(&self) -> worker::Result<bool> {
        if self.with(|board| board.ready) {
            return Ok(true);
        }
        self.state.storage().set_alarm(0).await?;
        for _ in 0..PATIENCE {
            Delay::from(PATIENCE_STEP).await;
            if self.with(|board| board.ready) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts an event once, whoever repeats it.
    async fn participated(
        &self,
        student: Id,
        event: &str,
        at: Timestamp,
    ) -> worker::Result<LeaderboardReply> {
        if !self.ready_in_time().await? {
            // The room comes again with its event until it is counted.
            return Err(worker::Error::RustError("the leaderboard is being rebuilt".into()));
        }
        if self.with(|board| board.ranking.standing(student)).is_none() {
            // Teachers have no rank; a student unknown here is read with all his points.
            self.adopt(student).await?;
        }
        self.count(student, event, at)?;
        self.flush_soon().await?;
        Ok(LeaderboardReply::Done)
    }

    /// Notes an event, and gives a point for it if it is new and the student is ranked.
    fn count(&self, student: Id, event: &str, at: Timestamp) -> worker::Result<()> {
        let Some(standing) = self.with(|board| board.ranking.standing(student)) else { return Ok(()) };
        let sql = self.state.storage().sql();
        let event = vec![event.into(), student.to_string().into(), int(at.millis())];
        let insert = "INSERT OR IGNORE INTO events (session, student, at) VALUES (?, ?, ?) RETURNING session";
        if sql.exec(insert, event)?.next::<serde_json::Value>().next().is_none() {
            return Ok(());
        }
        let points = standing.points + 1;
        run(
            &sql,
            "UPDATE members SET points = ? WHERE id = ?",
            vec![int(points), student.to_string().into()],
        )?;
        self.with(|board| {
            board.ranking.set(student, Standing { points, ..standing });
            board.count_in_windows(student, standing.since, at);
        });
        Ok(())
    }

    /// Writes a member; the points of one who was here before are kept.
    fn put_member(&self, member: &Member) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            points: u64,
        }
        let id = member.id.to_string();
        let row = vec![
            id.as_str().into(),
            int(member.since.millis()),
            member.name.as_str().into(),
            member.picture.clone().into(),
        ];
        let sql = self.state.storage().sql();
        let points = rows::<Row>(&sql, PUT_MEMBER, row)?.pop().map_or(0, |row| row.points);
        run(&sql, "DELETE FROM absent WHERE id = ?", vec![id.into()])?;
        self.with(|board| {
            if board.ranking.standing(member.id).is_none() {
                board.forget_windows();
            }
            board.ranking.set(member.id, Standing { points, since: member.since });
            board
                .shown
                .insert(member.id, Shown { name: member.name.clone(), picture: member.picture.clone() });
        });
        Ok(())
    }

    /// Takes a member out of the ranking; his points wait for him.
    fn put_away(&self, student: Id) -> worker::Result<()> {
        let id = student.to_string();
        run(&self.state.storage().sql(), "INSERT OR IGNORE INTO absent (id) VALUES (?)", vec![id.into()])?;
        self.with(|board| {
            board.ranking.remove(student);
            for running in &mut board.windows {
                running.ranking.remove(student);
            }
            board.shown.remove(&student);
        });
        Ok(())
    }

    fn page(&self, window: Window, offset: u64, limit: u32) -> worker::Result<LeaderboardReply> {
        self.open_window(window)?;
        let (offset, limit) = (usize::try_from(offset).unwrap_or(usize::MAX), size(limit));
        Ok(self.answer(window, |ranking| ranking.page(offset, limit).collect()))
    }

    fn after(&self, window: Window, place: &str, limit: u32) -> worker::Result<LeaderboardReply> {
        let Ok(place) = place.parse::<Place>() else { return Ok(LeaderboardReply::NoPlace) };
        self.open_window(window)?;
        Ok(self.answer(window, |ranking| ranking.after(place, size(limit)).collect()))
    }

    /// The entries around one student, if he is ranked here; one who is not known yet is looked up.
    async fn rank(&self, window: Window, student: Id, around: u32) -> worker::Result<LeaderboardReply> {
        if self.with(|board| board.ranking.standing(student)).is_none() {
            self.adopt(student).await?;
        }
        self.open_window(window)?;
        Ok(self.answer(window, |ranking| ranking.around(student, size(around)).collect()))
    }

    /// Some places of a ranking, with its totals.
    fn answer(
        &self,
        window: Window,
        places: impl FnOnce(&Ranking) -> Vec<(usize, Id, Standing)>,
    ) -> LeaderboardReply {
        let (entries, total, points) = self.with(|board| {
            let ranking = board.of(window);
            let places = places(ranking).into_iter();
            let entries = places.filter_map(|(rank, id, at)| board.entry(rank, id, at));
            (entries.collect(), ranking.len(), ranking.total_points())
        });
        LeaderboardReply::Page { entries, total, points }
    }

    async fn flush_soon(&self) -> worker::Result<()> {
        let first = self.with(|board| !std::mem::replace(&mut board.dirty, true));
        if first { self.state.storage().set_alarm(FLUSH_MS).await } else { Ok(()) }
    }

    /// Writes the summary to MongoDB; false when it must be tried again.
    async fn flush(&self) -> bool {
        let Some(region) = self.region() else { return true };
        let summary = self.with(|board| {
            board.dirty.then(|| Summary {
                region,
                top: board.ranking.page(0, 3).map(|(_, id, at)| (id, at.points)).collect(),
                students: board.ranking.len(),
                points: board.ranking.total_points(),
            })
        });
        let Some(summary) = summary else { return true };
        self.with(|board| board.dirty = false);
        let written = match store(&self.env) {
            Ok(store) => ::store::leaderboards::record(&store, &summary, now()).await.is_ok(),
            Err(_) => false,
        };
        if !written {
            self.with(|board| board.dirty = true);
        }
        written
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Board {
    fn entry(&self, rank: usize, id: Id, at: Standing) -> Option<Entry> {
        let shown = self.shown.get(&id)?;
        let member = Member { id, name: shown.name.clone(), picture: shown.picture.clone(), since: at.since };
        Some(Entry { rank, points: at.points, member })
    }
}
