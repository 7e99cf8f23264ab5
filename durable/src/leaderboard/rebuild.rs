//! Filling a leaderboard from MongoDB: a page of students at a time, each with the sessions that gave him points. The
//! place reached is written down, so a killed rebuild goes on where it was.

use std::collections::HashMap;

use domain::{Id, accounts::Role};
use serde::Deserialize;
use store::{Store, StoreError, participation::Participated};

use super::{Leaderboard, Member};
use crate::{
    runtime::store,
    sql::{int, rows, run},
};

pub(super) const SCHEMA: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS members (id TEXT PRIMARY KEY, points INTEGER NOT NULL, since INTEGER NOT NULL, name TEXT NOT NULL, picture TEXT) WITHOUT ROWID",
    // Members who are deactivated, or moved away.
    "CREATE TABLE IF NOT EXISTS absent (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS events (session TEXT NOT NULL, student TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (session, student)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS events_by_time ON events (at, student)",
    "CREATE TABLE IF NOT EXISTS rebuild (id INTEGER PRIMARY KEY CHECK (id = 1), after TEXT, done INTEGER NOT NULL)",
];

/// Students read at once.
const PAGE: usize = 500;

/// How far a rebuild is.
#[derive(Deserialize)]
pub(super) struct Progress {
    after: Option<String>,
    /// 1 when it is finished; SQLite has no truth values.
    pub(super) done: u8,
}

impl Leaderboard {
    pub(super) fn progress(&self) -> worker::Result<Option<Progress>> {
        let sql = self.state.storage().sql();
        Ok(rows::<Progress>(&sql, "SELECT after, done FROM rebuild", vec![])?.pop())
    }

    /// Reads what is missing, page by page.
    pub(super) async fn rebuild(&self) -> worker::Result<()> {
        let Some(region) = self.region() else { return Ok(()) };
        let store = store(&self.env)?;
        let mut after = self.progress()?.and_then(|progress| progress.after?.parse::<Id>().ok());
        loop {
            let students =
                ::store::users::students_of_region(&store, region, after, PAGE).await.map_err(failed)?;
            let full = students.len() == PAGE;
            after = students.last().map(|student| student.id).or(after);
            self.take_in(&store, students.into_iter().map(Member::from).collect()).await?;
            let row = vec![after.map(|id| id.to_string()).into(), int(u8::from(!full))];
            run(
                &self.state.storage().sql(),
                "INSERT OR REPLACE INTO rebuild (id, after, done) VALUES (1, ?, ?)",
                row,
            )?;
            if !full {
                self.with(|board| {
                    board.ready = true;
                    board.dirty = true;
                });
                return Ok(());
            }
        }
    }

    /// Reads one student with his points. Says whether he belongs here.
    pub(super) async fn adopt(&self, student: Id) -> worker::Result<bool> {
        let store = store(&self.env)?;
        let account = ::store::users::account(&store, student).await.map_err(failed)?;
        let here = account.filter(|account| {
            account.role == Role::Student && account.is_active && account.region == self.region()
        });
        let Some(account) = here else { return Ok(false) };
        let member = Member {
            id: account.id,
            name: account.name,
            picture: account.profile_picture,
            since: account.created_at,
        };
        self.take_in(&store, vec![member]).await?;
        Ok(true)
    }

    /// Writes members with the points that MongoDB knows of.
    async fn take_in(&self, store: &Store, members: Vec<Member>) -> worker::Result<()> {
        if members.is_empty() {
            return Ok(());
        }
        let ids: Vec<Id> = members.iter().map(|member| member.id).collect();
        let counts = ::store::participation::of_students(store, &ids).await.map_err(failed)?;
        let mut sessions: HashMap<Id, Vec<Participated>> =
            counts.into_iter().map(|one| (one.student, one.sessions)).collect();
        for member in members {
            self.put_member(&member)?;
            for session in sessions.remove(&member.id).unwrap_or_default() {
                self.count(member.id, &session.event(), session.at())?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn failed(error: StoreError) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
