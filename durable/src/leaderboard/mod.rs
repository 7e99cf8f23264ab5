//! One object per region: who stands where.
//!
//! Members and events are in the object's database before an event is acknowledged; the order is rebuilt from them on
//! wake. An event counts once, whatever happens on its way. An object that has never been filled rebuilds itself from
//! MongoDB, page by page, and can be killed in between.

mod rebuild;

use std::{cell::RefCell, collections::HashMap, time::Duration};

use domain::{
    Id, Timestamp,
    ranking::{Ranking, Standing},
};
use serde::{Deserialize, Serialize};
use store::{leaderboards::Summary, users::RankedStudent};
use worker::{Delay, DurableObject, Env, Request, Response, State, durable_object, wasm_bindgen};

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

/// What a leaderboard can be asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum LeaderboardRequest {
    /// A student took part in a session.
    Participated {
        /// Student.
        student: Id,
        /// Names the participation (`domain::scoring::participation`); a repeated name counts once.
        event: String,
    },
    /// A student belongs to the region, or changed his name or picture.
    Member {
        /// The student.
        member: Member,
    },
    /// A student changed: he is read anew, and ranked here if he still belongs here.
    Refresh {
        /// The student.
        student: Id,
    },
    /// A page of the ranking.
    Page {
        /// Places before the page.
        offset: u64,
        /// Most entries.
        limit: u32,
    },
    /// The place of a student.
    Rank {
        /// Student.
        student: Id,
    },
}

/// What a leaderboard answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaderboardReply {
    /// Done.
    Done,
    /// Entries, and how many there are in all.
    Page {
        /// Best first.
        entries: Vec<Entry>,
        /// Count of members.
        total: usize,
        /// Sum of all points.
        points: u64,
    },
    /// The rebuild is not finished; ask again.
    NotReady,
}

/// A ranked student, as shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// 1-based place.
    pub rank: usize,
    /// Points.
    pub points: u64,
    /// Who.
    pub member: Member,
}

/// What is shown of a student.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    /// Account.
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Picture address.
    pub picture: Option<String>,
    /// Registration.
    pub since: Timestamp,
}

impl From<RankedStudent> for Member {
    fn from(student: RankedStudent) -> Self {
        Self {
            id: student.id,
            name: student.name,
            picture: student.profile_picture,
            since: student.created_at,
        }
    }
}

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
            LeaderboardRequest::Participated { student, event } => self.participated(student, &event).await?,
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
            LeaderboardRequest::Page { offset, limit } => {
                if self.ready_in_time().await? {
                    self.page(offset, limit)
                } else {
                    LeaderboardReply::NotReady
                }
            }
            LeaderboardRequest::Rank { student } => {
                if self.ready_in_time().await? {
                    self.rank(student).await?
                } else {
                    LeaderboardReply::NotReady
                }
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
    async fn participated(&self, student: Id, event: &str) -> worker::Result<LeaderboardReply> {
        if !self.ready_in_time().await? {
            // The room comes again with its event until it is counted.
            return Err(worker::Error::RustError("the leaderboard is being rebuilt".into()));
        }
        if self.with(|board| board.ranking.standing(student)).is_none() {
            // Teachers have no rank; a student unknown here is read with all his points.
            self.adopt(student).await?;
        }
        self.count(student, event)?;
        self.flush_soon().await?;
        Ok(LeaderboardReply::Done)
    }

    /// Notes an event, and gives a point for it if it is new and the student is ranked.
    fn count(&self, student: Id, event: &str) -> worker::Result<()> {
        let Some(standing) = self.with(|board| board.ranking.standing(student)) else { return Ok(()) };
        let sql = self.state.storage().sql();
        let event = vec![event.into(), student.to_string().into()];
        let insert = "INSERT OR IGNORE INTO events (session, student) VALUES (?, ?) RETURNING session";
        if sql.exec(insert, event)?.next::<serde_json::Value>().next().is_none() {
            return Ok(());
        }
        let points = standing.points + 1;
        run(
            &sql,
            "UPDATE members SET points = ? WHERE id = ?",
            vec![int(points), student.to_string().into()],
        )?;
        self.with(|board| board.ranking.set(student, Standing { points, ..standing }));
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
            board.shown.remove(&student);
        });
        Ok(())
    }

    fn page(&self, offset: u64, limit: u32) -> LeaderboardReply {
        let (offset, limit) =
            (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(0));
        let (entries, total, points) = self.with(|board| {
            let entries =
                board.ranking.page(offset, limit).filter_map(|(rank, id, at)| board.entry(rank, id, at));
            (entries.collect(), board.ranking.len(), board.ranking.total_points())
        });
        LeaderboardReply::Page { entries, total, points }
    }

    /// The entry of one student, if he is ranked here; one who is not known yet is looked up.
    async fn rank(&self, student: Id) -> worker::Result<LeaderboardReply> {
        if self.with(|board| board.ranking.standing(student)).is_none() {
            self.adopt(student).await?;
        }
        let (entry, total, points) = self.with(|board| {
            let place = board.ranking.rank(student).zip(board.ranking.standing(student));
            let entry = place.and_then(|(rank, at)| board.entry(rank, student, at));
            (entry, board.ranking.len(), board.ranking.total_points())
        });
        Ok(LeaderboardReply::Page { entries: entry.into_iter().collect(), total, points })
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

impl Board {
    fn entry(&self, rank: usize, id: Id, at: Standing) -> Option<Entry> {
        let shown = self.shown.get(&id)?;
        let member = Member { id, name: shown.name.clone(), picture: shown.picture.clone(), since: at.since };
        Some(Entry { rank, points: at.points, member })
    }
}
