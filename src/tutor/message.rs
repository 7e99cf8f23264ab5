//! `POST /chat/conversations/{id}/messages`: a question, and the tutor's answer.

use axum::{Json, extract::State};
use domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use store::{
    chats::{self, Conversation, DEFAULT_TITLE, Exchange, Message, Metadata},
    ejson::Num,
};
use utoipa::ToSchema;
use worker::console_error;

use super::{
    conversation::{CATEGORIES, LEVELS, NOT_CONFIGURED, find},
    prompt::instructions,
    upstream::{Answer, Ask, Turn, UpstreamError},
};
use crate::{
    http::{
        error::{ApiError, ChatResult, ErrorBody},
        extract::{AuthUser, JsonBody, TextPath},
        form::Form,
    },
    state::Shared,
};

/// Turns that the model sees, the new one among them.
const CONTEXT: usize = 8;
const MAX_TOKENS: u32 = 600;
const TITLE_WORDS: usize = 6;
const APOLOGY: &str = "I am sorry, I could not answer just now. Please send your message again in a moment.";

/// A question.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Question {
    /// 1 to 1000 characters.
    message: String,
    category: Option<String>,
    level: Option<String>,
}

/// A question and its answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    message: &'static str,
    user_message: Message,
    assistant_message: Message,
    conversation: Summary,
}

/// The conversation afterwards.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    id: Id,
    title: String,
    total_messages: i64,
}

fn said(role: &str, content: String, timestamp: Timestamp) -> Message {
    Message { id: durable::new_id(), role: role.into(), content, timestamp, metadata: None, failed: false }
}

/// Ask the tutor.
#[utoipa::path(post, path = "/chat/conversations/{conversationId}/messages", tag = "tutor", security(("bearer" = [])),
    params(("conversationId" = String, Path)), request_body = Question, responses(
    (status = 200, body = Answered),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 503, body = ErrorBody, description = "No model is set up, or it does not answer"),
))]
#[worker::send]
pub async fn send(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ChatResult<Json<Answered>> {
    let fields = Form::new(&body)
        .needs(&["message"])
        .text("message", 1..=1000)
        .choice("category", &CATEGORIES)
        .choice("level", &LEVELS)
        .finish()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let conversation = find(&state, user.account.id, &id).await?;
    if !state.model.is_configured() {
        return Err(NOT_CONFIGURED.into());
    }
    let category = text("category").unwrap_or_else(|| conversation.category.clone());
    let level = text("level").unwrap_or_else(|| conversation.level.clone());
    let mut question = said("user", text("message").unwrap_or_default(), durable::now());
    let title = title(&conversation, &question.content);
    let asked = state.model.ask(&ask(&conversation, &question.content, &category, &level)).await;
    let now = durable::now();
    let answer = match asked {
        Ok(answer) => told(answer, &category, &level, now),
        Err(error) => {
            if let UpstreamError::Failed(detail) = &error {
                console_error!("{}", json!({ "level": "error", "tutor": conversation.id, "detail": detail }));
            }
            // Kept for the reader, and out of the model's sight.
            question.failed = true;
            let apology = Message { failed: true, ..said("assistant", APOLOGY.into(), now) };
            let exchange = Exchange {
                question: &question,
                answer: &apology,
                category: &category,
                level: &level,
                title: title.as_deref(),
            };
            chats::append(&state.store, conversation.id, &exchange, now).await?;
            return Err(ApiError::NotAvailable(
                "The tutor cannot answer right now. Please try again in a moment",
            )
            .into());
        }
    };
    let exchange = Exchange {
        question: &question,
        answer: &answer,
        category: &category,
        level: &level,
        title: title.as_deref(),
    };
    chats::append(&state.store, conversation.id, &exchange, now).await?;
    let before = conversation.analytics.total_messages.as_i64();
    Ok(Json(Answered {
        message: "The tutor has answered",
        user_message: question,
        assistant_message: answer,
        conversation: Summary {
            id: conversation.id,
            title: title.unwrap_or(conversation.title),
            total_messages: before.max(i64::try_from(conversation.messages.len()).unwrap_or(0)) + 2,
        },
    }))
}

fn ask(conversation: &Conversation, question: &str, category: &str, level: &str) -> Ask {
    let system = Turn { role: "system", content: instructions(category, level, &conversation.settings) };
    let known: Vec<&Message> = conversation
        .messages
        .iter()
        .filter(|message| !message.failed && message.role != "system" && message.content != APOLOGY)
        .collect();
    let newest = known.len().saturating_sub(CONTEXT - 1);
    let before = known.into_iter().skip(newest).map(|message| Turn {
        role: if message.role == "assistant" { "assistant" } else { "user" },
        content: message.content.clone(),
    });
    let new = Turn { role: "user", content: question.to_owned() };
    let turns = [system].into_iter().chain(before).chain([new]).collect();
    Ask { turns, temperature: 0.7, max_tokens: MAX_TOKENS, penalty: 0.1, json: false }
}

fn told(answer: Answer, category: &str, level: &str, now: Timestamp) -> Message {
    let metadata = Metadata {
        response_time: Some(Num::from(answer.took.max(1))),
        tokens: Some(Num::from(answer.tokens)),
        model: Some(answer.model),
        category: Some(category.to_owned()),
        level: Some(level.to_owned()),
    };
    Message { metadata: Some(metadata), ..said("assistant", answer.content, now) }
}

/// A conversation that nobody named is called by the first words of its first question.
fn title(conversation: &Conversation, question: &str) -> Option<String> {
    if conversation.title != DEFAULT_TITLE {
        return None;
    }
    let first = conversation.messages.iter().find(|message| message.role == "user");
    let words: Vec<&str> =
        first.map_or(question, |message| message.content.as_str()).split_whitespace().collect();
    let title = words.iter().take(TITLE_WORDS).copied().collect::<Vec<_>>().join(" ");
    Some(if words.len() > TITLE_WORDS { title + "..." } else { title })
}
