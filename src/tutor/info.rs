//! Totals, sample questions, and whether the model answers.

use std::cell::Cell;

use axum::{Json, extract::State};
use domain::accounts::Role;
use serde::Serialize;
use store::{chats, ejson::Num};
use utoipa::ToSchema;

use super::upstream::{Ask, Turn};
use crate::{
    http::{
        error::{ChatResult, ErrorBody},
        extract::AuthUser,
    },
    state::Shared,
};

const SUGGESTIONS: [&str; 10] = [
    "How can I practise the \"th\" sound?",
    "What is the difference between \"affect\" and \"effect\"?",
    "When do I use the past simple and when the present perfect?",
    "How do I know whether to say \"a\", \"an\" or \"the\"?",
    "What does \"to break the ice\" mean, and how do I use it?",
    "How do I begin a formal e-mail?",
    "What is a good way to remember new words?",
    "Can you explain the three conditionals with examples?",
    "Do I say \"in\", \"on\" or \"at\" for times and places?",
    "Can we have a short conversation about my day?",
];
/// A probe costs money: everybody but administrators sees one that is not older than this.
const PROBE_MS: i64 = 60_000;

/// Own totals.
#[derive(Serialize, ToSchema)]
pub struct Stats {
    message: &'static str,
    stats: Totals,
}

/// See [`Stats`].
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    total_conversations: Num,
    total_messages: Num,
    total_tokens: Num,
    avg_response_time: f64,
    categories: Vec<String>,
    levels: Vec<String>,
}

/// Totals over the own conversations.
#[utoipa::path(get, path = "/chat/stats", tag = "tutor", security(("bearer" = [])), responses(
    (status = 200, body = Stats),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn stats(State(state): State<Shared>, user: AuthUser) -> ChatResult<Json<Stats>> {
    let mut found = chats::totals(&state.store, user.account.id).await?;
    found.categories.sort();
    found.levels.sort();
    let stats = Totals {
        total_conversations: found.conversations,
        total_messages: found.messages,
        total_tokens: found.tokens,
        avg_response_time: found.response_time.map_or(0.0, |time| time.as_f64()),
        categories: found.categories,
        levels: found.levels,
    };
    Ok(Json(Stats { message: "Your totals", stats }))
}

/// Sample questions.
#[derive(Serialize, ToSchema)]
pub struct Suggestions {
    message: &'static str,
    suggestions: [&'static str; 10],
}

/// Ten questions to begin with.
#[utoipa::path(get, path = "/chat/suggestions", tag = "tutor", security(("bearer" = [])), responses(
    (status = 200, body = Suggestions),
    (status = 401, body = ErrorBody),
))]
pub async fn suggestions(_user: AuthUser) -> ChatResult<Json<Suggestions>> {
    Ok(Json(Suggestions { message: "Questions to begin with", suggestions: SUGGESTIONS }))
}

/// Whether the model answers.
#[derive(Serialize, ToSchema)]
pub struct ModelHealth {
    message: &'static str,
    /// `healthy` or `unhealthy`.
    status: &'static str,
    details: Details,
}

/// See [`ModelHealth`].
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    success: bool,
    message: &'static str,
    /// Only when unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<bool>,
    /// Only when healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Milliseconds; only when healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_time: Option<i64>,
}

thread_local! {
    /// When the model was asked last, and how long it took; nothing when it did not answer.
    static PROBE: Cell<Option<(i64, Option<i64>)>> = const { Cell::new(None) };
}

/// Ask the model whether it answers; the outcome is kept for a minute.
#[utoipa::path(get, path = "/chat/health", tag = "tutor", security(("bearer" = [])), responses(
    (status = 200, body = ModelHealth),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn health(State(state): State<Shared>, user: AuthUser) -> ChatResult<Json<ModelHealth>> {
    if !state.model.is_configured() {
        return Ok(unhealthy("No model is set up"));
    }
    let now = durable::now().millis();
    let known = PROBE.get().filter(|(at, _)| user.account.role != Role::Admin && now - at < PROBE_MS);
    let took = if let Some((_, took)) = known {
        took
    } else {
        let turns = vec![Turn { role: "user", content: "Hello".into() }];
        let asked = state
            .model
            .ask(&Ask { turns, temperature: 0.7, max_tokens: 50, penalty: 0.1, json: false })
            .await;
        let took = asked.map(|answer| answer.took).ok();
        PROBE.set(Some((now, took)));
        took
    };
    let Some(took) = took else { return Ok(unhealthy("The model does not answer")) };
    Ok(Json(ModelHealth {
        message: "The tutor is ready",
        status: "healthy",
        details: Details {
            success: true,
            message: "The model answers",
            error: None,
            model: Some(state.model.model().to_owned()),
            response_time: Some(took),
        },
    }))
}

fn unhealthy(message: &'static str) -> Json<ModelHealth> {
    let details = Details { success: false, message, error: Some(true), model: None, response_time: None };
    Json(ModelHealth { message: "The tutor is not ready", status: "unhealthy", details })
}
