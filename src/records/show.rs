//! How records are shown: people instead of their ids, and every part there, as the clients' screens expect.

use std::collections::{BTreeSet, HashMap};

use domain::{Id, accounts::Role};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::records::{self, Face, Record};
use utoipa::ToSchema;

use crate::{http::error::ApiResult, state::AppState};

/// A session with host and participants, and a part for every kind (contract: SessionDocument).
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct Shown(pub Record);

/// Who looks at records.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Account id.
    pub id: Id,
    /// Role.
    pub role: Role,
}

impl Reader {
    /// Addresses are for administrators and their owners.
    fn sees_email_of(self, user: Id) -> bool {
        self.role == Role::Admin || self.id == user
    }
}

/// Records as this reader may see them.
pub async fn shown(state: &AppState, reader: Reader, mut found: Vec<Record>) -> ApiResult<Vec<Shown>> {
    name_everybody(state, reader, &mut found, true).await?;
    found.iter_mut().for_each(complete);
    Ok(found.into_iter().map(Shown).collect())
}

/// Records with nothing but what they have; people come without pictures.
pub async fn briefly(state: &AppState, reader: Reader, mut found: Vec<Record>) -> ApiResult<Vec<Shown>> {
    name_everybody(state, reader, &mut found, false).await?;
    Ok(found.into_iter().map(Shown).collect())
}

/// Puts people in the place of their ids. Looks once at users, however many there are.
async fn name_everybody(
    state: &AppState,
    reader: Reader,
    found: &mut [Record],
    picture: bool,
) -> ApiResult<()> {
    let ids: BTreeSet<Id> = found.iter().flat_map(people).collect();
    let faces = records::faces(&state.store, &ids.into_iter().collect::<Vec<_>>()).await?;
    let faces: HashMap<Id, Face> = faces.into_iter().map(|face| (face.id, face)).collect();
    for record in found {
        name_people(record, |id| embedded(id, &faces, reader, picture));
    }
    Ok(())
}

fn id_of(value: &Value) -> Option<Id> {
    value.as_str().and_then(|text| text.parse().ok())
}

fn entries(record: &Record) -> &[Value] {
    record.get("participants").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn people(record: &Record) -> impl Iterator<Item = Id> {
    let users = entries(record).iter().filter_map(|entry| entry.get("user"));
    record.get("host").into_iter().chain(users).filter_map(id_of)
}

/// Whether somebody is host or participant.
pub fn involves(record: &Record, user: Id) -> bool {
    people(record).any(|id| id == user)
}

fn embedded(id: Option<&Value>, faces: &HashMap<Id, Face>, reader: Reader, picture: bool) -> Value {
    let id = id.and_then(id_of).unwrap_or_else(|| Id::from([0; 12]));
    let face = faces.get(&id);
    let email = face.filter(|_| reader.sees_email_of(id)).map_or("", |face| face.email.as_str());
    let mut user = json!({ "_id": id, "name": face.map_or("Former user", |face| face.name.as_str()), "email": email,
        "role": face.map_or("student", |face| face.role.as_str()) });
    if let (true, Some(user)) = (picture, user.as_object_mut()) {
        user.insert("profilePicture".into(), json!(face.and_then(|face| face.profile_picture.as_ref())));
    }
    user
}

fn name_people(record: &mut Record, face: impl Fn(Option<&Value>) -> Value) {
    let host = face(record.get("host"));
    record.insert("host".into(), host);
    let participants = record.entry("participants").or_insert_with(|| json!([]));
    for entry in participants.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let user = face(entry.get("user"));
        entry.insert("user".into(), user);
        fill(entry, &json!({ "role": "participant", "duration": 0, "isActive": true }));
    }
}

/// The parts and defaults that every record has for the screens, whatever its kind.
fn complete(record: &mut Record) {
    fill(
        record,
        &json!({
            "duration": 0,
            "gameSession": game_defaults(),
            "lectureSession": { "watchTime": 0, "totalDuration": 0, "completionPercentage": 0, "isCompleted": false,
                "bookmarks": [] },
            "chatSession": { "totalMessages": 0 },
            "callSession": { "isGroupCall": false, "maxParticipants": 2, "isRecorded": false },
            "groupSession": { "maxParticipants": 10, "currentParticipants": 0, "isPublic": false, "isPrivate": false },
            "isPrivate": false,
            "requiresSubscription": false,
            "analytics": { "totalParticipants": 0, "averageDuration": 0, "peakConcurrentUsers": 0, "engagementScore": 0 },
            "errorLog": [],
        }),
    );
}

/// The part of a game before anything happened.
pub fn game_defaults() -> Value {
    json!({ "level": 1, "currentQuestionIndex": 0, "totalQuestions": 0, "timeLeft": 0, "timeSpent": 0, "answers": [],
        "scores": [], "gameStatus": "not_started" })
}

/// Puts in what is missing, at every depth.
pub fn fill(object: &mut Map<String, Value>, defaults: &Value) {
    for (name, value) in defaults.as_object().into_iter().flatten() {
        match (object.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(_)) => fill(inner, value),
            (None | Some(Value::Null), _) => {
                object.insert(name.clone(), value.clone());
            }
            _ => {}
        }
    }
}
