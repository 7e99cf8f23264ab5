//! A question on its way to the tutor, and what is kept of it and its answer.

use domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    chats::{self, Conversation, DEFAULT_TITLE, Exchange, Message, Metadata},
    ejson::Num,
};
use utoipa::ToSchema;
use worker::console_error;

use super::{
    answer::Answer,
    cache,
    cost::{self, Outcome},
    prompt::instructions,
    upstream::{Ask, Turn, UpstreamError},
};
use crate::{
    http::{
        error::{ApiError, ApiResult},
        extract::Later,
    },
    state::Shared,
};

/// Turns that the model sees, the new one among them.
const CONTEXT: usize = 8;
const MAX_TOKENS: u32 = 600;
const TITLE_WORDS: usize = 6;
pub(super) const APOLOGY: &str =
    "I am sorry, I could not answer just now. Please send your message again in a moment.";

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

impl Answered {
    /// What the tutor said.
    pub(super) fn text(&self) -> &str {
        &self.assistant_message.content
    }
}

fn said(role: &str, content: String, timestamp: Timestamp) -> Message {
    Message { id: durable::new_id(), role: role.into(), content, timestamp, metadata: None, failed: false }
}

/// A question on its way to the tutor.
pub(super) struct Asked {
    pub(super) state: Shared,
    pub(super) later: Later,
    conversation: Conversation,
    question: Message,
    category: String,
    level: String,
    /// A new title, from this question.
    title: Option<String>,
    pub(super) ask: Ask,
    /// Of a first question: what it is known by in the cache.
    pub(super) key: Option<cache::Key>,
}

impl Asked {
    pub(super) fn of(
        state: &Shared,
        conversation: Conversation,
        fields: &Map<String, Value>,
        later: Later,
    ) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let category = text("category").unwrap_or_else(|| conversation.category.clone());
        let level = text("level").unwrap_or_else(|| conversation.level.clone());
        let question = said("user", text("message").unwrap_or_default(), durable::now());
        let title = title(&conversation, &question.content);
        let ask = ask(&conversation, &question.content, &category, &level);
        let key = conversation.messages.is_empty().then(|| {
            let model = state.model.model();
            cache::key(model, &category, &level, &conversation.settings, &question.content)
        });
        Self { state: state.clone(), later, conversation, question, category, level, title, ask, key }
    }

    /// Keeps question and answer together, and tells of them.
    pub(super) async fn answered(mut self, answer: Answer) -> ApiResult<Answered> {
        let now = durable::now();
        let answer = told(answer, &self.category, &self.level, now);
        self.append(&answer, now).await?;
        let before = self.conversation.analytics.total_messages.as_i64();
        let many = i64::try_from(self.conversation.messages.len()).unwrap_or(0);
        Ok(Answered {
            message: "The tutor has answered",
            user_message: self.question,
            assistant_message: answer,
            conversation: Summary {
                id: self.conversation.id,
                title: self.title.take().unwrap_or(self.conversation.title),
                total_messages: before.max(many) + 2,
            },
        })
    }

    /// Keeps the question and what was said instead of an answer, for the reader and out of the model's sight.
    pub(super) async fn failed(mut self, error: &UpstreamError, said_instead: String) -> ApiResult<ApiError> {
        if let UpstreamError::Failed(detail) = error {
            console_error!(
                "{}",
                json!({ "level": "error", "tutor": self.conversation.id, "detail": detail })
            );
        }
        self.book(Outcome::Failed);
        let now = durable::now();
        self.question.failed = true;
        let answer = Message { failed: true, ..said("assistant", said_instead, now) };
        self.append(&answer, now).await?;
        Ok(ApiError::NotAvailable("The tutor cannot answer right now. Please try again in a moment"))
    }

    async fn append(&self, answer: &Message, now: Timestamp) -> ApiResult<()> {
        let exchange = Exchange {
            question: &self.question,
            answer,
            category: &self.category,
            level: &self.level,
            title: self.title.as_deref(),
        };
        Ok(chats::append(&self.state.store, self.conversation.id, &exchange, now).await?)
    }

    /// Writes into the books, after the answer has left.
    pub(super) fn book(&self, outcome: Outcome) {
        self.later.run(cost::book(self.state.clone(), outcome, self.key.is_some()));
    }

    /// Puts the answer to a first question into the cache, after it has left.
    pub(super) fn remember(&self, answer: &Answer) {
        if let Some(key) = self.key.clone() {
            self.later.run(cache::put(key, answer.content.clone(), answer.model.clone()));
        }
    }
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
        tokens: Some(Num::from(answer.usage.total_tokens)),
        cached: answer.cached,
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
