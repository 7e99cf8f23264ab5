//! `POST /games/{id}/start`: a play begins, or the one that is open goes on.

use axum::{Json, extract::State};
use domain::{Id, scoring::participation, session::readable_key, subscription};
use durable::{Leaderboard, leaderboard::LeaderboardRequest, rpc};
use futures_util::try_join;
use serde::Serialize;
use serde_json::json;
use store::{
    ejson::Num,
    games::{self, Extras, Game, Question},
    plays,
    users::Account,
};
use utoipa::ToSchema;
use worker::console_warn;

use super::one::{NO_GAME, PREMIUM, game_id, is_entitled};
use crate::{
    communication::matchmaking::refused,
    http::{
        body::{Envelope, envelope},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, TextPath},
    },
    state::{AppState, Shared},
};

/// The feature that gates playing.
const FEATURE: &str = "games";

/// A play that may begin.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    session_id: Id,
    game: StartedGame,
    questions: Vec<PlayQuestion>,
}

/// What is played.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartedGame {
    id: Id,
    title: String,
    game_type: String,
    difficulty: String,
    level: Num,
    time_limit: Num,
    max_score: Num,
    passing_score: Num,
    total_questions: Num,
}

/// A question without its key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlayQuestion {
    question_number: Num,
    question_text: String,
    question_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<PlayOption>>,
    points: Num,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<String>,
    suggested_words: Vec<String>,
    #[serde(flatten)]
    extras: Extras,
}

/// An option that does not tell whether it is right.
#[derive(Serialize, ToSchema)]
pub struct PlayOption {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

fn without_key(question: Question, limit: &Num) -> PlayQuestion {
    let multiple_choice = question.is_multiple_choice();
    let options = question.options.into_iter().map(|option| PlayOption { text: option.text });
    let mut extras = question.extras;
    extras.time_limit.get_or_insert_with(|| limit.clone());
    PlayQuestion {
        question_number: question.question_number,
        question_text: question.question_text,
        question_type: question.question_type,
        options: multiple_choice.then(|| options.collect()),
        points: question.points,
        keywords: question.keywords,
        suggested_words: question.suggested_words,
        extras,
    }
}

/// Refuses a player whom the feature `games` is closed to. A store without that feature closes nothing.
pub(super) async fn gate(state: &AppState, account: &Account) -> ApiResult<()> {
    let (feature, holder) = try_join!(state.feature(FEATURE), state.holder(account))?;
    match feature {
        Some(feature) => subscription::gate(Some(feature.rule()), holder, durable::now()).map_err(refused),
        None => Ok(()),
    }
}

/// Opens a play of the caller, or finds the open one; a new one gives a point.
pub(super) async fn begin(state: &AppState, account: &Account, game: &Game) -> ApiResult<Id> {
    let now = durable::now();
    let id = durable::new_id();
    let key = readable_key("game", id, now);
    let (session, new) = plays::begin(&state.store, account.id, game, (id, &key), now).await?;
    if new {
        participated(state, account, participation(session, Some(&game.id.to_string()), now)).await;
    }
    Ok(session)
}

/// Tells the leaderboard of a session that no room tells it of. A failure only delays the point: the nightly
/// reconciliation finds it.
pub(crate) async fn participated(state: &AppState, account: &Account, event: String) {
    let Some(region) = account.region else { return };
    let at = durable::now();
    let event = LeaderboardRequest::Participated { student: account.id, event, at };
    if let Err(error) = rpc::call::<Leaderboard>(&state.env, &region.to_string(), &event).await {
        console_warn!("{}", json!({ "level": "warn", "leaderboard": region, "detail": error.to_string() }));
    }
}

/// Begin a play, and get the questions without their keys. An open play of the same game goes on.
#[utoipa::path(post, path = "/games/{id}/start", tag = "games", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<Started>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "A premium game, and no running plan"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn start(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
) -> ApiResult<Json<Envelope<Started>>> {
    let game = games::by_id(&state.store, game_id(&id)?).await?;
    let game = game.filter(|game| game.is_active).ok_or(NO_GAME)?;
    if game.is_premium && !is_entitled(Some(&user.account)) {
        return Err(PREMIUM);
    }
    gate(&state, &user.account).await?;
    let session_id = begin(&state, &user.account, &game).await?;
    let limit = game.time_limit.clone();
    let questions = game.questions.into_iter().map(|question| without_key(question, &limit)).collect();
    let game = StartedGame {
        id: game.id,
        title: game.title,
        game_type: game.game_type,
        difficulty: game.difficulty,
        level: game.level,
        time_limit: game.time_limit,
        max_score: game.max_score,
        passing_score: game.passing_score,
        total_questions: game.total_questions,
    };
    Ok(envelope("The game has started", Started { session_id, game, questions }))
}
