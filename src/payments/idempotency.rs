//! `Idempotency-Key`: the same key and body get the same answer; another body is refused; so is a request whose twin is
//! still at work.

use axum::http::HeaderMap;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Id;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use store::idempotency::{self, Seen};

use crate::{
    http::error::{ApiError, ApiResult},
    state::AppState,
};

const MAX_KEY: usize = 200;
/// A request that did not answer for so long never will: its process is gone.
const GIVEN_UP_MS: i64 = 60_000;

/// The key of a request, of this user only.
pub fn key_of(headers: &HeaderMap, user: Id) -> ApiResult<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    let key = key.ok_or(ApiError::BadRequest("Idempotency-Key must be a text of 1 to 200 characters"))?;
    Ok(Some(format!("{user}:{key}")))
}

/// Does the work once for a key. Without a key it is simply done.
pub async fn once<T: Serialize + DeserializeOwned>(
    state: &AppState,
    key: Option<String>,
    body: &Map<String, Value>,
    work: impl AsyncFnOnce() -> ApiResult<T>,
) -> ApiResult<T> {
    const AT_WORK: ApiError = ApiError::Conflict("This request is already being worked on");
    let Some(key) = key else { return work().await };
    let now = durable::now();
    let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(Value::Object(body.clone()).to_string()));
    match idempotency::begin(&state.store, &key, &hash, now).await? {
        None => {}
        Some(Seen { body_hash, .. }) if body_hash != hash => {
            return Err(ApiError::Unprocessable("This Idempotency-Key was used with another body"));
        }
        Some(Seen { answer: Some(answer), .. }) => {
            return serde_json::from_str(&answer).map_err(|error| ApiError::Internal(error.to_string()));
        }
        Some(Seen { at, .. }) if now.since(at) < GIVEN_UP_MS => return Err(AT_WORK),
        Some(_) => {
            idempotency::forget(&state.store, &key).await?;
            if idempotency::begin(&state.store, &key, &hash, now).await?.is_some() {
                return Err(AT_WORK);
            }
        }
    }
    match work().await {
        Ok(answer) => {
            let text =
                serde_json::to_string(&answer).map_err(|error| ApiError::Internal(error.to_string()))?;
            idempotency::answered(&state.store, &key, &text).await?;
            Ok(answer)
        }
        Err(error) => {
            idempotency::forget(&state.store, &key).await?;
            Err(error)
        }
    }
}
