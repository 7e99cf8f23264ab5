//! Plays of games: session documents of the type `game`. The Worker writes them itself; they have no room.

use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default, rounded},
    games::{self, Game},
    records::{GameKey, New, open_key},
    sessions::COLLECTION,
};

/// A play, as far as starting and grading read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Play {
    /// Session id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// `game` for plays.
    #[serde(default, deserialize_with = "or_default")]
    pub session_type: String,
    #[serde(default, deserialize_with = "or_default")]
    participants: Vec<Player>,
    #[serde(default, deserialize_with = "or_default")]
    game_session: GameSession,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// Creation.
    #[serde(default)]
    pub created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Player {
    user: Option<Id>,
}

#[derive(Debug, Default, Deserialize)]
struct GameSession {
    game: Option<Id>,
    /// What grading answered, once it did.
    result: Option<Value>,
}

impl Play {
    /// Whether somebody takes part.
    pub fn has(&self, user: Id) -> bool {
        self.participants.iter().any(|player| player.user == Some(user))
    }

    /// What is played.
    pub fn game(&self) -> Option<Id> {
        self.game_session.game
    }

    /// The stored answer of an earlier grading.
    pub fn result(&self) -> Option<Value> {
        self.game_session.result.clone().map(crate::ejson::plain)
    }
}

fn fields() -> Value {
    json!({ "sessionType": 1, "participants.user": 1, "gameSession.game": 1, "gameSession.result": 1, "startedAt": 1,
        "createdAt": 1 })
}

/// One play, or another kind of session with this id.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Play>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), fields()).await
}

/// The open play of a game: the newest that is not finished.
pub async fn open(store: &Store, user: Id, game: Id) -> Result<Option<Play>, StoreError> {
    let filter = json!({ "participants.user": oid(user), "host": oid(user), "sessionType": "game",
        "gameSession.game": oid(game), "status": { "$in": ["active", "scheduled"] } });
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": 1, "projection": fields() });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// Begins a play unless one of the same game is open; answers which one is, and whether it is new. Two at once begin one
/// play, by the unique `openKey` that an unfinished play has.
pub async fn begin(
    store: &Store,
    user: Id,
    game: &Game,
    new: (Id, &str),
    now: Timestamp,
) -> Result<(Id, bool), StoreError> {
    if let Some(play) = open(store, user, game.id).await? {
        return Ok((play.id, false));
    }
    let (id, key) = new;
    let part = json!({ "game": oid(game.id), "gameType": game.game_type, "difficulty": game.difficulty,
        "level": game.level, "currentQuestionIndex": 0, "totalQuestions": game.total_questions, "timeLeft": 0,
        "timeSpent": 0, "answers": [], "scores": [], "gameStatus": "in_progress", "startTime": date(now) });
    let open_key = open_key(user, &GameKey::Id(game.id));
    let new = New { id, key, open_key, session_type: "game", title: &game.title, user, role: "player" };
    let document = new.document(&part, now);
    let counted = json!({ "action": "updateOne", "collection": games::COLLECTION, "filter": { "_id": oid(game.id) },
        "update": { "$inc": { "totalStarts": 1 } } });
    let begun = json!({ "action": "insertOne", "collection": COLLECTION, "document": document });
    match store.transaction(&[begun, counted]).await {
        Ok(_) => Ok((id, true)),
        Err(StoreError::Duplicate(why)) => {
            let open = open(store, user, game.id).await?;
            open.map(|play| (play.id, false)).ok_or(StoreError::Duplicate(why))
        }
        Err(error) => Err(error),
    }
}

/// A graded play.
pub struct Finished<'a> {
    /// The play.
    pub play: &'a Play,
    /// The player.
    pub user: Id,
    /// The game.
    pub game: &'a Game,
    /// Points.
    pub score: Num,
    /// What was answered.
    pub answers: Vec<Value>,
    /// What grading answers, kept for repeats.
    pub result: Value,
    /// One line of the play's scores.
    pub line: Value,
    /// Seconds, as the client says.
    pub time_spent: Option<Num>,
    /// Whether the points count for averages: an incomplete report of the app must not lower them.
    pub counts: bool,
}

/// Stores a grading with all counters, in one transaction. Says whether it was the first one.
pub async fn finish(store: &Store, finished: Finished<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let Finished { play, user, game, score, answers, result, line, time_spent, counts } = finished;
    let began = play.started_at.unwrap_or(play.created_at);
    let seconds = now.seconds_since(began);
    let session = json!({ "action": "updateOne", "collection": COLLECTION,
        "filter": { "_id": oid(play.id), "participants.user": oid(user), "gameSession.result": { "$exists": false } },
        "update": {
            "$set": { "status": "completed", "endedAt": date(now), "duration": seconds, "updatedAt": date(now),
                "participants.$.leftAt": date(now), "participants.$.isActive": false,
                "participants.$.duration": seconds, "gameSession.endTime": date(now),
                "gameSession.totalQuestions": game.total_questions, "gameSession.timeSpent": time_spent.unwrap_or(seconds.into()),
                "gameSession.answers": answers, "gameSession.gameStatus": "completed", "gameSession.result": result },
            "$push": { "gameSession.scores": line },
            "$unset": { "openKey": "" },
        },
        "expect": { "matchedCount": 1 } });
    let game = json!({ "action": "updateOne", "collection": games::COLLECTION, "filter": { "_id": oid(game.id) },
        "update": game_counters(&score, counts) });
    let user = json!({ "action": "updateOne", "collection": "users", "filter": { "_id": oid(user) },
        "update": user_counters(play.id, &finished.game.game_type, &score, counts, now) });
    match store.transaction(&[session, game, user]).await {
        Ok(_) => Ok(true),
        Err(StoreError::Aborted(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Adds a play to the counters of its game: running sums, from which mean and rate follow. Games of the old server have
/// only the mean, from which the first sum is made.
fn game_counters(score: &Num, counts: bool) -> Value {
    let plays = json!({ "$ifNull": ["$totalPlays", 0] });
    let scored = json!({ "$ifNull": ["$scoredPlays", plays] });
    let sum =
        json!({ "$ifNull": ["$scoreSum", { "$multiply": [{ "$ifNull": ["$averageScore", 0] }, plays] }] });
    let (one, score) = if counts { (json!(1), json!(score)) } else { (json!(0), json!(0)) };
    json!([
        { "$set": {
            "scoreSum": { "$add": [sum, score] },
            "scoredPlays": { "$add": [scored, one] },
            "totalPlays": { "$add": [plays, 1] },
        } },
        { "$set": {
            "averageScore": { "$cond": [{ "$gt": ["$scoredPlays", 0] },
                rounded(&json!({ "$divide": ["$scoreSum", "$scoredPlays"] })), 0] },
            // Plays that began on the old server were never counted as started.
            "completionRate": rounded(&json!({ "$multiply": [100, { "$min": [1, { "$divide": ["$totalPlays",
                { "$max": ["$totalPlays", { "$ifNull": ["$totalStarts", 0] }] }] }] }] })),
        } },
    ])
}

/// Adds a play to the counters of its player. The newest hundred scores stay in the document; the mean is over all.
fn user_counters(id: Id, game_type: &str, score: &Num, counts: bool, now: Timestamp) -> Value {
    let scores = json!({ "$ifNull": ["$gameScores", []] });
    let known = json!({ "$sum": { "$map": { "input": scores, "as": "one", "in": { "$ifNull": ["$$one.score", 0] } } } });
    let plus_one = |field: &str| json!({ "$add": [{ "$ifNull": [field, 0] }, 1] });
    let counters = json!({
        "studentInfo.totalGamesPlayed": plus_one("$studentInfo.totalGamesPlayed"),
        "studentInfo.totalSessions": plus_one("$studentInfo.totalSessions"),
    });
    if !counts {
        return json!([{ "$set": counters }]);
    }
    let entry = json!({ "_id": oid(id), "gameType": game_type, "score": score, "date": date(now) });
    let mut sums = json!({
        "studentInfo.gameScoreSum": { "$add": [{ "$ifNull": ["$studentInfo.gameScoreSum", known] }, score] },
        "studentInfo.gameScoreCount": { "$add": [{ "$ifNull": ["$studentInfo.gameScoreCount", { "$size": scores }] }, 1] },
        "gameScores": { "$slice": [{ "$concatArrays": [scores, [entry]] }, -100] },
    });
    if let (Some(sums), Value::Object(counters)) = (sums.as_object_mut(), counters) {
        sums.extend(counters);
    }
    let mean = rounded(&json!({ "$divide": ["$studentInfo.gameScoreSum", "$studentInfo.gameScoreCount"] }));
    json!([{ "$set": sums }, { "$set": { "studentInfo.averageGameScore": mean } }])
}

/// One graded play in the statistics of a player.
#[derive(Debug, Deserialize, Serialize)]
pub struct Score {
    /// Points.
    #[serde(default)]
    pub score: Num,
    /// Percent.
    #[serde(default)]
    pub percentage: Num,
    /// Enough.
    #[serde(default, deserialize_with = "or_default")]
    pub passed: bool,
    /// When.
    #[serde(default)]
    pub date: Timestamp,
}

/// A player's graded plays of a game, newest first; the newest thousand at most.
pub async fn scores(store: &Store, user: Id, game: Id) -> Result<Vec<Score>, StoreError> {
    let pipeline = json!([
        { "$match": { "participants.user": oid(user), "sessionType": "game", "gameSession.game": oid(game),
            "gameSession.result": { "$exists": true } } },
        { "$sort": { "gameSession.endTime": -1 } },
        { "$limit": 1000 },
        { "$project": { "_id": 0, "score": "$gameSession.result.score", "percentage": "$gameSession.result.percentage",
            "passed": "$gameSession.result.passed", "date": "$gameSession.endTime" } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}
