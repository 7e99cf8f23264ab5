//! Viewings of lectures as the player saves them.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, scoring::participation, session::readable_key, viewing::State as Progress};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    ejson::Num,
    lectures,
    records::{self, Viewing},
};
use utoipa::ToSchema;

use crate::{
    games::participated,
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, JsonBody},
        form::Form,
    },
    lectures::{NO_LECTURE, Viewer},
    state::{AppState, Shared},
};

const ACTIONS: [&str; 4] = ["play", "pause", "seek", "complete"];
/// Longest lecture, seconds.
const MAX_SECONDS: f64 = 1e6;
const MAX_NOTES: usize = 5000;
const NO_VIEWING: ApiError = ApiError::NotFound("There is no such lecture session");

/// Where the player is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Watching {
    lecture_id: Id,
    /// Seconds; only where the lecture's own length is not known.
    total_duration: Option<f64>,
    /// Seconds.
    position: Option<f64>,
    /// `play`, `pause`, `seek` or `complete`. A jump is no watching.
    action: Option<String>,
}

/// How far it came.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    /// Farthest position that was watched, seconds.
    watch_time: Num,
    /// 0 to 100.
    completion_percentage: i64,
    is_completed: bool,
}

impl From<Progress> for Reached {
    fn from(state: Progress) -> Self {
        Self {
            watch_time: Num::from_f64(state.watch_time),
            completion_percentage: state.percentage,
            is_completed: state.is_completed,
        }
    }
}

/// A viewing that was saved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedViewing {
    session_id: Id,
    lecture_id: Id,
    #[serde(flatten)]
    reached: Reached,
}

fn position(fields: &Map<String, Value>) -> Option<f64> {
    fields.get("position").and_then(Value::as_f64)
}

fn action(fields: &Map<String, Value>) -> &str {
    fields.get("action").and_then(Value::as_str).unwrap_or("play")
}

/// Stores a report; answers how far the viewing came.
async fn report(
    state: &AppState,
    viewing: &Viewing,
    position: f64,
    action: &str,
    total: f64,
) -> ApiResult<Progress> {
    let after = viewing.state().after(position, action == "seek", total);
    let line = (durable::new_id(), position, action);
    records::progress(&state.store, viewing.id, &after, line, durable::now()).await?;
    Ok(after)
}

/// Start to watch a lecture, or go on.
#[utoipa::path(post, path = "/sessions/lectures/create-or-update", tag = "sessions", security(("bearer" = [])),
    request_body = Watching, responses(
    (status = 200, body = Envelope<SavedViewing>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn save(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<SavedViewing>>> {
    let fields = Form::new(&body)
        .needs(&["lectureId"])
        .read("lectureId", "Lecture id must be an id of 24 hexadecimal digits", |text| {
            text.parse::<Id>().ok().map(|id| json!(id))
        })
        .number("totalDuration", 0.0..=MAX_SECONDS)
        .number("position", 0.0..=MAX_SECONDS)
        .choice("action", &ACTIONS)
        .finish()?;
    let id = fields.get("lectureId").and_then(Value::as_str).and_then(|id| id.parse::<Id>().ok());
    let id = id.ok_or(NO_LECTURE)?;
    let viewer = Viewer::new(Some(&user.account));
    let lecture = lectures::by_id(&state.store, id).await?.filter(|lecture| viewer.sees(lecture));
    let lecture = lecture.ok_or(NO_LECTURE)?;
    let own = lecture.duration.as_f64();
    let said = fields.get("totalDuration").and_then(Value::as_f64).unwrap_or_default();
    let total = if own > 0.0 { own } else { said };
    let viewing = find_or_begin(&state, &user, id, &lecture.title, total).await?;
    let reached = match position(&fields).filter(|position| *position > 0.0) {
        Some(position) => report(&state, &viewing, position, action(&fields), total).await?,
        None => viewing.state(),
    };
    let saved = SavedViewing { session_id: viewing.id, lecture_id: id, reached: reached.into() };
    Ok(envelope("Your progress is saved", saved))
}

async fn find_or_begin(
    state: &AppState,
    user: &AuthUser,
    lecture: Id,
    title: &str,
    total: f64,
) -> ApiResult<Viewing> {
    let me = user.account.id;
    if let Some(viewing) = records::viewing_of(&state.store, me, lecture).await? {
        return Ok(viewing);
    }
    let (id, now) = (durable::new_id(), durable::now());
    let name = readable_key("lecture", id, now);
    if records::begin_viewing(&state.store, (id, &name), me, (lecture, title), total, now).await? {
        participated(state, &user.account, participation(id, None, now)).await;
    }
    records::viewing_of(&state.store, me, lecture).await?.ok_or(NO_VIEWING)
}

/// A viewing to go on with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveViewing {
    session_id: Id,
    #[schema(value_type = Object)]
    lecture_session: Map<String, Value>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
}

/// The lecture that was watched last and is not finished; null when there is none.
#[utoipa::path(get, path = "/sessions/lectures/active", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Option<ActiveViewing>>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn active(
    State(state): State<Shared>,
    user: AuthUser,
) -> ApiResult<Json<Envelope<Option<ActiveViewing>>>> {
    let Some(viewing) = records::newest_viewing(&state.store, user.account.id).await? else {
        return Ok(envelope("No lecture is being watched", None));
    };
    let viewer = Viewer::new(Some(&user.account));
    let lecture = match viewing.lecture() {
        Some(id) => lectures::by_id(&state.store, id).await?,
        None => None,
    };
    let embedded = lecture.filter(|lecture| viewer.sees(lecture)).map(|lecture| {
        let open = viewer.is_admin || viewer.is_entitled || !lecture.is_premium;
        json!({ "_id": lecture.id, "title": lecture.title, "description": lecture.description,
            "duration": lecture.duration, "videoUrl": if open { lecture.video_url } else { String::new() },
            "thumbnailUrl": lecture.thumbnail_url })
    });
    let mut lecture_session = viewing.shown();
    lecture_session.insert("lecture".into(), json!(embedded));
    let active = ActiveViewing {
        session_id: viewing.id,
        lecture_session,
        status: viewing.status,
        started_at: viewing.started_at,
    };
    Ok(envelope("Your lecture", Some(active)))
}

/// Where the player is.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Position {
    /// Seconds.
    position: f64,
    /// `play`, `pause`, `seek` or `complete`. A jump is no watching.
    action: Option<String>,
}

/// Report the position of the player.
#[utoipa::path(post, path = "/sessions/lectures/{sessionId}/progress", tag = "sessions", security(("bearer" = [])),
    params(("sessionId" = String, Path)), request_body = Position, responses(
    (status = 200, body = Envelope<Reached>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the id malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn progress(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Reached>>> {
    let fields = Form::new(&body)
        .needs(&["position"])
        .number("position", 0.0..=MAX_SECONDS)
        .choice("action", &ACTIONS)
        .finish()?;
    let viewing = records::viewing(&state.store, id, user.account.id).await?.ok_or(NO_VIEWING)?;
    let at = position(&fields).unwrap_or_default();
    let reached = report(&state, &viewing, at, action(&fields), 0.0).await?;
    Ok(envelope("Your progress is saved", reached.into()))
}

/// A place to come back to.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct BookmarkBody {
    /// Seconds.
    position: f64,
    /// At most 200 characters; minutes and seconds when not given.
    title: Option<String>,
    /// At most 1,000 characters.
    note: Option<String>,
}

/// All bookmarks of a viewing.
#[derive(Serialize, ToSchema)]
pub struct Bookmarks {
    #[schema(value_type = Vec<Object>)]
    bookmarks: Value,
}

/// Add a bookmark to an own viewing.
#[utoipa::path(post, path = "/sessions/lectures/{sessionId}/bookmark", tag = "sessions", security(("bearer" = [])),
    params(("sessionId" = String, Path)), request_body = BookmarkBody, responses(
    (status = 200, body = Envelope<Bookmarks>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the id malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "There are too many"),
))]
#[worker::send]
pub async fn bookmark(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Bookmarks>>> {
    let fields = Form::new(&body)
        .needs(&["position"])
        .number("position", 0.0..=MAX_SECONDS)
        .text("title", 0..=200)
        .text("note", 0..=1000)
        .finish()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = fields.get("position").cloned().unwrap_or_default();
    let title =
        Some(text("title")).filter(|title| !title.is_empty()).map_or_else(|| label(&at), str::to_owned);
    let (me, now) = (user.account.id, durable::now());
    let line = (durable::new_id(), &at, title.as_str(), text("note"));
    let added = records::add_bookmark(&state.store, id, me, line, now).await?;
    let viewing = records::viewing(&state.store, id, me).await?.ok_or(NO_VIEWING)?;
    if !added {
        return Err(ApiError::Conflict("This lecture has too many bookmarks"));
    }
    let bookmarks = viewing.shown().remove("bookmarks").unwrap_or_default();
    Ok(envelope("The bookmark is saved", Bookmarks { bookmarks }))
}

fn label(position: &Value) -> String {
    let seconds = serde_json::from_value::<Num>(position.clone()).map_or(0, |number| number.as_i64());
    format!("Bookmark at {}:{:02}", seconds / 60, seconds % 60)
}

/// Notes on a lecture.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct NotesBody {
    /// At most 5,000 characters; absent erases them.
    notes: Option<String>,
}

/// The notes as stored.
#[derive(Serialize, ToSchema)]
pub struct SavedNotes {
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
}

/// Replace the notes of an own viewing.
#[utoipa::path(post, path = "/sessions/lectures/{sessionId}/notes", tag = "sessions", security(("bearer" = [])),
    params(("sessionId" = String, Path)), request_body = NotesBody, responses(
    (status = 200, body = Envelope<SavedNotes>),
    (status = 400, body = ErrorBody, description = "The notes are no text or too long, or the id malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn notes(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<SavedNotes>>> {
    let fields = Form::new(&body).text("notes", 0..=MAX_NOTES).finish()?;
    let notes = fields.get("notes").and_then(Value::as_str).filter(|notes| !notes.is_empty());
    if !records::set_notes(&state.store, id, user.account.id, notes, durable::now()).await? {
        return Err(NO_VIEWING);
    }
    Ok(envelope("Your notes are saved", SavedNotes { notes: notes.map(str::to_owned) }))
}
