//! The `aiusage` collection: what the tutor cost, a document a day.

use serde::Deserialize;
use serde_json::json;

use crate::{Store, StoreError, ejson::Num};

const COLLECTION: &str = "aiusage";

/// What was used, of one question or of a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// Answers of the model.
    pub requests: i64,
    /// Tokens of questions.
    pub prompt_tokens: i64,
    /// Tokens of answers.
    pub completion_tokens: i64,
    /// First questions that the cache answered.
    pub cache_hits: i64,
    /// First questions that it did not know.
    pub cache_misses: i64,
    /// Questions without an answer.
    pub failures: i64,
}

/// A day.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// `2026-11-24`, in India.
    #[serde(rename = "_id")]
    pub day: String,
    /// Answers of the model.
    #[serde(default)]
    pub requests: Num,
    /// Tokens of questions.
    #[serde(default)]
    pub prompt_tokens: Num,
    /// Tokens of answers.
    #[serde(default)]
    pub completion_tokens: Num,
    /// First questions that the cache answered.
    #[serde(default)]
    pub cache_hits: Num,
    /// First questions that it did not know.
    #[serde(default)]
    pub cache_misses: Num,
    /// Questions without an answer.
    #[serde(default)]
    pub failures: Num,
}

/// Adds to a day.
pub async fn add(store: &Store, day: &str, used: &Used) -> Result<(), StoreError> {
    let more = json!({ "requests": used.requests, "promptTokens": used.prompt_tokens,
        "completionTokens": used.completion_tokens, "cacheHits": used.cache_hits, "cacheMisses": used.cache_misses,
        "failures": used.failures });
    store.update_one(COLLECTION, json!({ "_id": day }), json!({ "$inc": more }), true).await.map(drop)
}

/// The days from `since` on, newest first.
pub async fn days(store: &Store, since: &str, most: u32) -> Result<Vec<Day>, StoreError> {
    let rest = json!({ "sort": { "_id": -1 }, "limit": most });
    store.find(COLLECTION, json!({ "_id": { "$gte": since } }), rest).await
}
