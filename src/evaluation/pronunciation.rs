//! `POST /evaluation/pronunciation`: a word against what was heard.

use axum::{Json, extract::State};
use domain::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    bundle::{self, ScoredItems},
    spoken::{DIFFICULTIES, Item, Spoken, judge, keep},
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        form::Form,
    },
    state::Shared,
};

/// A word that was scored.
#[derive(Serialize, ToSchema)]
pub struct Scored {
    evaluation: Spoken,
    target_word: String,
    transcription: String,
    timestamp: Timestamp,
}

/// What scoring takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Pronunciation {
    /// At most 200 characters.
    target_word: String,
    /// At most 1000 characters.
    transcription: String,
    /// `easy`, `medium` or `hard`.
    difficulty: Option<String>,
    game_id: Option<String>,
    session_id: Option<String>,
    /// Instead of the fields above: 1 to 10 objects with `targetWord`, `transcription` and `difficulty`.
    #[schema(value_type = Option<Vec<Object>>)]
    items: Option<Value>,
}

/// The score of one word, or those of several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ScoredWords {
    /// Of the single fields.
    One(Scored),
    /// Of `items`.
    Several(ScoredItems),
}

/// Score a pronunciation from its transcript. Without a model the score is an estimate.
#[utoipa::path(post, path = "/evaluation/pronunciation", tag = "evaluation", security(("bearer" = [])),
    request_body = Pronunciation, responses(
    (status = 200, body = Envelope<ScoredWords>),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn evaluate(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<ScoredWords>>> {
    if let Some(items) = body.get("items") {
        let scored = bundle::evaluate(&state, user.account.id, items).await?;
        return Ok(envelope("Your pronunciation is scored", ScoredWords::Several(scored)));
    }
    let fields = Form::new(&body)
        .needs(&["targetWord", "transcription"])
        .text("targetWord", 1..=200)
        .text("transcription", 1..=1000)
        .choice("difficulty", &DIFFICULTIES)
        .id("gameId")
        .id("sessionId")
        .finish()?;
    let Item { target_word, transcription, difficulty } = Item::of(&fields);
    let evaluation = judge(&state, &target_word, &transcription, &difficulty).await;
    let timestamp = durable::now();
    keep(&state, user.account.id, &evaluation, (&target_word, &transcription), None, timestamp).await?;
    let scored = Scored { evaluation, target_word, transcription, timestamp };
    Ok(envelope("Your pronunciation is scored", ScoredWords::One(scored)))
}
