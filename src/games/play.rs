//! `POST /games/{id}/submit`: answers are graded once, and stored with all counters.

use axum::{Json, extract::State};
use domain::{
    Id,
    games::{Answer, Graded, Marks, grade},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{
    ejson::{Num, date, oid},
    games::{self, Game},
    plays::{self, Finished, Play},
    users::Account,
};
use utoipa::ToSchema;

use super::{
    one::{NO_GAME, game_id},
    start,
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody, TextPath},
    },
    state::{AppState, Shared},
};

/// Most answers of a submission.
const MAX_ANSWERS: usize = 200;
const MAX_ANSWER_CHARS: usize = 5000;
const MAX_SECONDS: f64 = 86_400.0;

/// What submitting takes. The app wraps the list once more, and sends no session.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done below")]
pub struct Submission {
    /// The play; without it the open play of the game, or a new one.
    session_id: Option<String>,
    answers: Vec<SentAnswer>,
    /// Seconds.
    time_spent: Option<f64>,
}

/// An answer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done below")]
pub struct SentAnswer {
    question_number: i64,
    selected_answer: Option<String>,
}

/// The result of a play.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlayResult {
    score: Num,
    percentage: i64,
    correct_answers: usize,
    total_questions: Num,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_spent: Option<Num>,
    max_score: Num,
    passing_score: Num,
    answer_details: Vec<Graded>,
}

struct Sent {
    session: Option<Id>,
    answers: Vec<Answer>,
    time_spent: Option<Num>,
}

/// Submit the answers of a play. The first submission is final; repeating it answers the same.
#[utoipa::path(post, path = "/games/{id}/submit", tag = "games", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = Submission, responses(
    (status = 200, body = Envelope<PlayResult>),
    (status = 400, body = ErrorBody, description = "No list of answers, or a play of another game"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's play"),
    (status = 404, body = ErrorBody, description = "No such play or game"),
))]
#[worker::send]
pub async fn submit(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<PlayResult>>> {
    let sent = read(&body)?;
    let id = game_id(&id)?;
    let (play, game) = find(&state, &user.account, id, sent.session).await?;
    if let Some(result) = play.result() {
        return again(result);
    }
    start::gate(&state, &user.account).await?;
    let keys: Vec<_> = game.questions.iter().map(games::Question::key).collect();
    let marks = grade(&keys, &sent.answers, game.total_questions.as_i64(), game.passing_score.as_f64());
    let result = PlayResult {
        score: Num::from_f64(marks.score),
        percentage: marks.percentage,
        correct_answers: marks.correct,
        total_questions: game.total_questions.clone(),
        passed: marks.passed,
        time_spent: sent.time_spent.clone(),
        max_score: game.max_score.clone(),
        passing_score: game.passing_score.clone(),
        answer_details: marks.details.clone(),
    };
    let finished = finished(&play, &user.account, &game, &sent, &marks, &result);
    if plays::finish(&state.store, finished, durable::now()).await? {
        return Ok(envelope("Your answers are graded", result));
    }
    // Two submissions at once: the faster one is the answer to both.
    let play = plays::by_id(&state.store, play.id).await?.ok_or(NO_PLAY)?;
    again(play.result().ok_or(NO_PLAY)?)
}

const NO_PLAY: ApiError = ApiError::NotFound("There is no such game session");

fn again(result: Value) -> ApiResult<Json<Envelope<PlayResult>>> {
    let result = serde_json::from_value(result).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(envelope("Your answers are graded", result))
}

/// The play and its game. Without a session the caller's open play counts, or a new one.
async fn find(state: &AppState, account: &Account, id: Id, session: Option<Id>) -> ApiResult<(Play, Game)> {
    if let Some(session) = session {
        let play = plays::by_id(&state.store, session).await?;
        let play = play.filter(|play| play.session_type == "game").ok_or(NO_PLAY)?;
        if !play.has(account.id) {
            return Err(ApiError::Forbidden("This game session is not yours"));
        }
        let game = games::by_id(&state.store, id).await?.ok_or(NO_GAME)?;
        if play.game() != Some(id) {
            return Err(ApiError::BadRequest("This session is of another game"));
        }
        return Ok((play, game));
    }
    let game = games::by_id(&state.store, id).await?.ok_or(NO_GAME)?;
    if let Some(play) = plays::open(&state.store, account.id, id).await? {
        return Ok((play, game));
    }
    let session = start::begin(state, account, &game).await?;
    Ok((plays::by_id(&state.store, session).await?.ok_or(NO_PLAY)?, game))
}

fn finished<'a>(
    play: &'a Play,
    account: &Account,
    game: &'a Game,
    sent: &Sent,
    marks: &Marks,
    result: &PlayResult,
) -> Finished<'a> {
    let now = date(durable::now());
    let answers = marks.details.iter().map(|graded| {
        json!({ "questionIndex": graded.question_number - 1, "questionNumber": graded.question_number,
            "selectedAnswer": graded.selected_answer, "isCorrect": graded.is_correct,
            "earnedPoints": graded.earned_points, "answeredAt": now })
    });
    let line = json!({ "user": oid(account.id), "score": result.score, "maxScore": result.max_score,
        "percentage": result.percentage, "passed": result.passed, "timeTaken": sent.time_spent, "completedAt": now });
    let complete = i64::try_from(marks.answered).unwrap_or(0) >= game.total_questions.as_i64();
    Finished {
        play,
        user: account.id,
        game,
        score: result.score.clone(),
        answers: answers.collect(),
        result: json!(result),
        line,
        time_spent: sent.time_spent.clone(),
        counts: sent.session.is_some() || complete,
    }
}

fn read(body: &Map<String, Value>) -> ApiResult<Sent> {
    const NO_ANSWERS: ApiError = ApiError::BadRequest("Answers must be a list");
    let answers = body.get("answers").ok_or(NO_ANSWERS)?;
    let answers = answers.get("answers").unwrap_or(answers).as_array().ok_or(NO_ANSWERS)?;
    if answers.len() > MAX_ANSWERS {
        return Err(ApiError::BadRequest("These are too many answers"));
    }
    let session = match body.get("sessionId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.parse().map_err(|_| NO_PLAY)?),
        Some(_) => return Err(ApiError::BadRequest("sessionId must be an id")),
    };
    let time_spent = match body.get("timeSpent") {
        None | Some(Value::Null) => None,
        Some(time) => Some(seconds(time)?),
    };
    let answers = answers.iter().map(read_answer).collect::<ApiResult<_>>()?;
    Ok(Sent { session, answers, time_spent })
}

fn seconds(time: &Value) -> ApiResult<Num> {
    let number = time.as_f64().or_else(|| time.as_str()?.trim().parse().ok());
    let number = number.filter(|number| (0.0..=MAX_SECONDS).contains(number));
    number.map(Num::from_f64).ok_or(ApiError::BadRequest("timeSpent must be a number of seconds"))
}

fn read_answer(answer: &Value) -> ApiResult<Answer> {
    const WRONG: ApiError =
        ApiError::BadRequest("Each answer needs the number of its question, and a text or nothing");
    let answer = answer.as_object().ok_or(WRONG)?;
    let number = answer.get("questionNumber").and_then(Value::as_i64).ok_or(WRONG)?;
    let selected = match answer.get("selectedAnswer") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() <= MAX_ANSWER_CHARS => Some(text.clone()),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => Some(value.to_string()),
        Some(_) => return Err(WRONG),
    };
    Ok(Answer { number, selected })
}
