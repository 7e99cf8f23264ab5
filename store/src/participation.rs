//! Who took part in which sessions: what the `sessions` collection says about points and activity.

use domain::{Id, Timestamp, scoring::participation};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Store, StoreError,
    ejson::{Num, oid, or_default},
    sessions::COLLECTION,
};

/// Points of some students: how many recorded sessions list each of them (`Session::gives_points`).
pub async fn of_students(store: &Store, students: &[Id]) -> Result<Vec<Participation>, StoreError> {
    let ids: Vec<Value> = students.iter().copied().map(oid).collect();
    let pipeline = json!([
        { "$match": { "participants.user": { "$in": ids }, "givesPoints": { "$ne": false } } },
        { "$match": { "$nor": [
            { "hostRegion": { "$exists": true }, "startedAt": { "$exists": false },
              "status": { "$in": ["waiting_for_partner", "cancelled"] } },
        ] } },
        { "$unwind": "$participants" },
        { "$match": { "participants.user": { "$in": ids }, "participants.entered": { "$ne": false } } },
        { "$group": { "_id": "$participants.user", "sessions": { "$push": { "id": "$_id", "type": "$sessionType",
            "game": "$gameSession.game", "gameId": "$gameSession.gameId", "at": "$createdAt" } } } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}

/// The sessions that give a student points.
#[derive(Debug, Deserialize)]
pub struct Participation {
    /// Student.
    #[serde(rename = "_id")]
    pub student: Id,
    /// Each gives one point, once; a student who is listed twice has it twice here.
    pub sessions: Vec<Participated>,
}

/// A session that somebody took part in.
#[derive(Debug, Deserialize)]
pub struct Participated {
    id: Id,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    session_type: String,
    game: Option<Id>,
    #[serde(rename = "gameId")]
    game_id: Option<String>,
    at: Option<Timestamp>,
}

impl Participated {
    /// When it was.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at.unwrap_or_default()
    }

    /// Its name (`domain::scoring::participation`).
    #[must_use]
    pub fn event(&self) -> String {
        let game = self.game.map(|game| game.to_string()).or_else(|| self.game_id.clone());
        let game = game.filter(|_| self.session_type == "game");
        participation(self.id, game.as_deref(), self.at.unwrap_or_default())
    }
}

/// Sessions of a kind that active students of a region took part in.
#[derive(Debug, Deserialize)]
pub struct KindCount {
    /// Region and kind.
    #[serde(rename = "_id")]
    pub key: RegionKind,
    /// Participations.
    pub count: Num,
}

/// See [`KindCount`].
#[derive(Debug, Deserialize)]
pub struct RegionKind {
    /// Region of the student.
    pub region: Id,
    /// `lecture`, `game` or `communication`.
    pub kind: String,
}

/// [`KindCount`] of every region and kind. Goes over all sessions: for administrators.
pub async fn counts_by_region_and_kind(store: &Store) -> Result<Vec<KindCount>, StoreError> {
    let kind = json!({ "$cond": [{ "$in": ["$sessionType", ["lecture", "game"]] }, "$sessionType", "communication"] });
    let pipeline = json!([
        { "$project": { "kind": kind, "participants.user": 1 } },
        { "$unwind": "$participants" },
        { "$group": { "_id": { "user": "$participants.user", "kind": "$kind" }, "count": { "$sum": 1 } } },
        { "$lookup": { "from": "users", "localField": "_id.user", "foreignField": "_id", "as": "user",
            "pipeline": [{ "$match": { "role": "student", "isActive": true } }, { "$project": { "region": 1 } }] } },
        { "$unwind": "$user" },
        { "$match": { "user.region": { "$type": "objectId" } } },
        { "$group": { "_id": { "region": "$user.region", "kind": "$_id.kind" }, "count": { "$sum": "$count" } } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}
