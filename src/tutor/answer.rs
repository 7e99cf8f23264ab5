//! What the model answers, whole or in pieces, and its bounds.

use std::time::Duration;

use serde::Deserialize;

/// How long an answer may take from the question to its last word.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// Longest text that is kept of an answer.
pub(super) const MAX_CHARS: usize = 20_000;

/// What came back.
pub struct Answer {
    /// The text.
    pub content: String,
    /// The model, as it names itself.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
    /// Milliseconds.
    pub took: i64,
    /// It was said before, to somebody who asked the same.
    pub cached: bool,
}

/// Tokens that an answer cost.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Usage {
    /// Of the question, with what the model was told before.
    #[serde(default)]
    pub prompt_tokens: i64,
    /// Of the answer.
    #[serde(default)]
    pub completion_tokens: i64,
    /// Of both.
    #[serde(default)]
    pub total_tokens: i64,
}
