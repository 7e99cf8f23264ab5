//! Answers to first questions, which many learners ask alike: kept for a day in the cache of the data centre.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::chats::Settings;
use worker::{Cache, Headers, Response};

use super::answer::{Answer, Usage};

/// How long an answer is kept, seconds.
const KEEP: u32 = 86_400;

/// What a question is known by: the answer depends on nothing else.
#[derive(Clone)]
pub struct Key(String);

#[derive(Serialize, Deserialize)]
struct Kept {
    content: String,
    model: String,
}

/// The key of a first question, however it is written.
pub fn key(model: &str, category: &str, level: &str, settings: &Settings, question: &str) -> Key {
    let words = question.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let words = words.trim_end_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace());
    let parts = (model, category, level, settings, words);
    let digest = Sha256::digest(serde_json::to_vec(&parts).unwrap_or_default());
    let name = URL_SAFE_NO_PAD.encode(digest);
    Key(format!("https://tutor.cache/{name}"))
}

/// What was answered before. A cache that fails knows nothing.
pub async fn get(key: &Key) -> Option<Answer> {
    let mut found = Cache::default().get(key.0.as_str(), false).await.ok()??;
    let kept: Kept = serde_json::from_slice(&found.bytes().await.ok()?).ok()?;
    Some(Answer { content: kept.content, model: kept.model, usage: Usage::default(), took: 0, cached: true })
}

/// Remembers an answer.
pub async fn put(key: Key, content: String, model: String) {
    let Ok(body) = serde_json::to_vec(&Kept { content, model }) else { return };
    let headers = Headers::new();
    let _ = headers.set("cache-control", &format!("public, max-age={KEEP}"));
    if let Ok(response) = Response::from_bytes(body) {
        // Not remembering costs one call.
        let _ = Cache::default().put(key.0, response.with_headers(headers)).await;
    }
}
