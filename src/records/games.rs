//! Runs of games as their screens save them.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, scoring::participation, session::readable_key};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    ejson::{Num, date, oid, plain},
    games,
    records::{self, GameKey, Run},
};
use utoipa::ToSchema;

use super::show::{fill, game_defaults};
use crate::{
    games::participated,
    http::{
        body::{Envelope, MessageOnly, envelope, message},
        error::{ApiError, ApiResult, ErrorBody, FieldError},
        extract::{AuthUser, IdPath, JsonBody},
        form::Form,
    },
    state::{AppState, Shared},
};

const GAME_TYPES: [&str; 4] = ["grammar", "pronunciation", "identification", "storytelling"];
const DIFFICULTIES: [&str; 6] = ["easy", "medium", "hard", "beginner", "intermediate", "advanced"];
/// Longest name that the app gives a game of its own.
const MAX_KEY_CHARS: usize = 100;
/// Most answers of a run.
const MAX_ANSWERS: usize = 200;
/// Points of a question, where the game is not one of ours.
const POINTS: f64 = 10.0;
const NO_RUN: ApiError = ApiError::NotFound("There is no such game session");
const OVER: ApiError = ApiError::Conflict("This game is over");

/// Progress of a run.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Progress {
    /// Id of a game, or the app's own name of one.
    game_id: String,
    /// `grammar`, `pronunciation`, `identification` or `storytelling`.
    game_type: String,
    /// `easy`, `medium`, `hard`, `beginner`, `intermediate` or `advanced`.
    difficulty: Option<String>,
    /// From 0.
    current_question_index: Option<u32>,
    /// Seconds.
    time_left: Option<f64>,
    /// Answers so far; an empty list changes nothing.
    answers: Option<Vec<Value>>,
    /// Points so far.
    score: Option<f64>,
    /// Questions of the run.
    total_questions: Option<u32>,
}

/// A run that was saved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedRun {
    session_id: Id,
    #[schema(value_type = Object)]
    game_session: Map<String, Value>,
}

/// Save the progress of a run; the first save begins it.
#[utoipa::path(post, path = "/sessions/games/create-or-update", tag = "sessions", security(("bearer" = [])),
    request_body = Progress, responses(
    (status = 200, body = Envelope<SavedRun>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn save(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<SavedRun>>> {
    let key = game_key(body.get("gameId"))?;
    let mut fields = Form::new(&body)
        .needs(&["gameType"])
        .choice("gameType", &GAME_TYPES)
        .choice_or_blank("difficulty", &DIFFICULTIES)
        .integer("currentQuestionIndex", 0..=10_000)
        .number("timeLeft", 0.0..=1e6)
        .number("score", 0.0..=1e6)
        .integer("totalQuestions", 0..=10_000)
        .finish()?;
    if let Some(answers) = answers(body.get("answers"))? {
        fields.insert("answers".into(), answers);
    }
    let me = user.account.id;
    let now = durable::now();
    if let Some(run) = records::open_run(&state.store, me, &key, now).await? {
        return go_on(&state, run, &fields, me, now).await;
    }
    let (title, known) = described(&state, &key, &fields).await?;
    let game_session = begun(&key, &known, &fields, me, now);
    let id = durable::new_id();
    let name = readable_key("game", id, now);
    if !records::begin_run(&state.store, (id, &name), me, (&key, &title), &game_session, now).await? {
        let run = records::open_run(&state.store, me, &key, now).await?;
        let run = run.ok_or(ApiError::Conflict("The game was ended just now; please begin again"))?;
        return go_on(&state, run, &fields, me, now).await;
    }
    participated(&state, &user.account, participation(id, Some(&key.text()), now)).await;
    Ok(envelope("The game is saved", SavedRun { session_id: id, game_session: shown(game_session) }))
}

/// The app sends back what it was told: an id, its own name, or the game that old servers embedded.
fn game_key(value: Option<&Value>) -> ApiResult<GameKey> {
    let embedded = |object: &Map<String, Value>| object.get("_id")?.as_str().map(str::to_owned);
    let text = match value {
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        Some(Value::Object(object)) => embedded(object),
        _ => None,
    };
    match text.filter(|text| !text.is_empty() && text.chars().count() <= MAX_KEY_CHARS) {
        Some(text) => Ok(text.parse().map_or(GameKey::Free(text), GameKey::Id)),
        None => Err(ApiError::Validation(vec![FieldError::new("gameId", "Game id is required", None)])),
    }
}

/// The answers of a body as Extended JSON; none when there are none.
fn answers(value: Option<&Value>) -> ApiResult<Option<Value>> {
    let wrong = || {
        let msg = format!("Answers must be a list of at most {MAX_ANSWERS} answers");
        ApiError::Validation(vec![FieldError::new("answers", &msg, None)])
    };
    let list = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) if list.len() <= MAX_ANSWERS => list,
        Some(_) => return Err(wrong()),
    };
    let one = |answer: &Value| {
        let answer = answer.as_object().ok_or_else(wrong)?;
        Form::new(answer)
            .integer("questionIndex", 0..=10_000)
            .scalar_text("selectedAnswer", 1000)
            .boolean("isCorrect")
            .number("timeTaken", 0.0..=1e6)
            .time("answeredAt")
            .finish()
            .map(Value::Object)
    };
    let list = list.iter().map(one).collect::<ApiResult<Vec<Value>>>()?;
    Ok((!list.is_empty()).then_some(Value::Array(list)))
}

/// What is known of the game: a title, and fields of the run.
async fn described(
    state: &AppState,
    key: &GameKey,
    fields: &Map<String, Value>,
) -> ApiResult<(String, Map<String, Value>)> {
    let mut known = Map::new();
    if let GameKey::Id(id) = key
        && let Some(game) = games::by_id(&state.store, *id).await?
    {
        known.insert("level".into(), json!(game.level));
        known.insert("difficulty".into(), json!(game.difficulty));
        known.insert("totalQuestions".into(), json!(game.total_questions));
        known.insert("maxScore".into(), json!(game.max_score));
        return Ok((game.title, known));
    }
    let title = match fields.get("gameType").and_then(Value::as_str) {
        Some("pronunciation") => "Pronunciation",
        Some("identification") => "Identification",
        Some("storytelling") => "Story telling",
        _ => "Grammar quiz",
    };
    Ok((title.to_owned(), known))
}

fn begun(
    key: &GameKey,
    known: &Map<String, Value>,
    fields: &Map<String, Value>,
    user: Id,
    now: Timestamp,
) -> Map<String, Value> {
    let mut run = known.clone();
    let (game, free) = match key {
        GameKey::Id(id) => (oid(*id), Value::Null),
        GameKey::Free(key) => (Value::Null, json!(key)),
    };
    run.insert("game".into(), game);
    run.insert("gameId".into(), free);
    run.insert("startTime".into(), date(now));
    merge(&mut run, fields, user);
    run.insert("gameStatus".into(), json!("in_progress"));
    fill(&mut run, &game_defaults());
    run
}

/// Takes what a save says over; what it does not say stays.
fn merge(run: &mut Map<String, Value>, fields: &Map<String, Value>, user: Id) {
    for (name, value) in fields.iter().filter(|(name, _)| *name != "score") {
        run.insert(name.clone(), value.clone());
    }
    let Some(score) = fields.get("score") else { return };
    let most = max_score(run, score.as_f64().unwrap_or_default());
    let percentage = (score.as_f64().unwrap_or_default() / most * 100.0 + 0.5).floor().clamp(0.0, 100.0);
    let mut entry = run
        .get("scores")
        .and_then(|scores| scores.get(0))
        .cloned()
        .unwrap_or_else(|| json!({ "_id": oid(durable::new_id()), "user": oid(user) }));
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("score".into(), score.clone());
        entry.insert("maxScore".into(), json!(Num::from_f64(most)));
        entry.insert("percentage".into(), json!(Num::from_f64(percentage)));
    }
    let rest = run.get("scores").and_then(Value::as_array).cloned().unwrap_or_default();
    let scores: Vec<Value> = std::iter::once(entry).chain(rest.into_iter().skip(1)).collect();
    run.insert("scores".into(), json!(scores));
}

/// What can be reached: as the game says, else by the count of its questions; never less than what was.
fn max_score(run: &Map<String, Value>, score: f64) -> f64 {
    let number = |value: Option<&Value>| {
        value
            .and_then(|value| serde_json::from_value::<Num>(value.clone()).ok())
            .map_or(0.0, |number| number.as_f64())
    };
    let known = number(run.get("maxScore"));
    let counted = number(run.get("totalQuestions")) * POINTS;
    let most = if known > 0.0 { known } else { counted };
    most.max(score).max(1.0)
}

async fn go_on(
    state: &AppState,
    run: Run,
    fields: &Map<String, Value>,
    user: Id,
    now: Timestamp,
) -> ApiResult<Json<Envelope<SavedRun>>> {
    let mut game_session = run.game_session;
    let began = game_session.get("startTime").cloned();
    let began = began.and_then(|time| serde_json::from_value::<Timestamp>(time).ok());
    let seconds = now.seconds_since(began.or(run.started_at).unwrap_or(run.created_at));
    merge(&mut game_session, fields, user);
    game_session.insert("gameStatus".into(), json!("in_progress"));
    game_session.insert("timeSpent".into(), json!(seconds));
    let changed = |name: &String| {
        fields.contains_key(name) || matches!(name.as_str(), "gameStatus" | "timeSpent" | "scores")
    };
    let changes = game_session.iter().filter(|(name, _)| changed(name));
    let changes: Map<String, Value> = changes.map(|(name, value)| (name.clone(), value.clone())).collect();
    if !records::change_run(&state.store, run.id, &changes, now).await? {
        return Err(OVER);
    }
    Ok(envelope("The game is saved", SavedRun { session_id: run.id, game_session: shown(game_session) }))
}

fn shown(game_session: Map<String, Value>) -> Map<String, Value> {
    let mut shown: Map<String, Value> =
        game_session.into_iter().map(|(name, value)| (name, plain(value))).collect();
    shown.retain(|name, _| !matches!(name.as_str(), "result" | "maxScore"));
    shown.entry("game").or_insert(Value::Null);
    fill(&mut shown, &game_defaults());
    shown
}

/// A run to go on with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveRun {
    session_id: Id,
    #[schema(value_type = Object)]
    game_session: Map<String, Value>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
}

/// The newest run that is not over and less than a day old; null when there is none.
#[utoipa::path(get, path = "/sessions/games/active", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Option<ActiveRun>>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn active(
    State(state): State<Shared>,
    user: AuthUser,
) -> ApiResult<Json<Envelope<Option<ActiveRun>>>> {
    let Some(run) = records::newest_run(&state.store, user.account.id, durable::now()).await? else {
        return Ok(envelope("No game is open", None));
    };
    let mut game_session = shown(run.game_session);
    // The app takes this for the id to save under.
    if game_session.get("game").is_none_or(Value::is_null) {
        let free = game_session.get("gameId").cloned().unwrap_or_default();
        game_session.insert("game".into(), free);
    }
    let active =
        ActiveRun { session_id: run.id, game_session, status: run.status, started_at: run.started_at };
    Ok(envelope("Your open game", Some(active)))
}

async fn own_run(state: &AppState, user: &AuthUser, id: Id) -> ApiResult<Run> {
    records::run(&state.store, id, user.account.id).await?.ok_or(NO_RUN)
}

async fn turn(state: &AppState, user: &AuthUser, id: Id, status: &str, time: &str) -> ApiResult<()> {
    let run = own_run(state, user, id).await?;
    let now = durable::now();
    let mut changes = Map::new();
    changes.insert("gameStatus".into(), json!(status));
    changes.insert(time.into(), date(now));
    if records::change_run(&state.store, run.id, &changes, now).await? { Ok(()) } else { Err(OVER) }
}

/// Pause an own run.
#[utoipa::path(post, path = "/sessions/games/{sessionId}/pause", tag = "sessions", security(("bearer" = [])),
    params(("sessionId" = String, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "It is over"),
))]
#[worker::send]
pub async fn pause(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    turn(&state, &user, id, "paused", "pausedAt").await?;
    Ok(message("The game is paused"))
}

/// Go on with an own run.
#[utoipa::path(post, path = "/sessions/games/{sessionId}/resume", tag = "sessions", security(("bearer" = [])),
    params(("sessionId" = String, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "It is over"),
))]
#[worker::send]
pub async fn resume(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    turn(&state, &user, id, "in_progress", "resumedAt").await?;
    Ok(message("The game goes on"))
}

/// End an own run. On one that is over nothing changes.
#[utoipa::path(post, path = "/sessions/games/{sessionId}/end", tag = "sessions", security(("bearer" = [])),
    params(("sessionId" = String, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn end(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    let run = own_run(&state, &user, id).await?;
    if run.is_open() {
        records::end_run(&state.store, &run, "completed", durable::now()).await?;
    }
    Ok(message("The game is over"))
}
