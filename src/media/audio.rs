//! Recordings: kept when one is scored, read and deleted by their owner or an administrator.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use domain::{
    Id,
    accounts::Role,
    files::{Asked, MAX_RECORDINGS_BYTES, Part, matches_tag, range, recording_type},
};
use futures_util::future::try_join_all;
use serde_json::json;
use store::{
    ejson::Num,
    recordings::{self, Recording},
};
use worker::{Range, console_warn};

use super::{bucket, failed, put, unchanged};
use crate::{
    http::{
        body::{MessageOnly, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath},
    },
    state::{AppState, Shared},
};

const NO_RECORDING: ApiError = ApiError::NotFound("There is no such recording");
/// A recording never changes, and is for its owner alone.
const CACHING: &str = "private, max-age=31536000, immutable";

fn key(user: Id, id: Id) -> String {
    format!("audio/{user}/{id}")
}

/// Keeps a recording; the oldest of the learner go when he has too many. A score is worth more than its recording, so
/// what fails here is only logged: then there is no recording.
pub async fn keep(state: &AppState, user: Id, audio: &[u8], extension: &str) -> Option<Id> {
    let id = durable::new_id();
    match try_keep(state, user, id, audio, extension).await {
        Ok(()) => Some(id),
        Err(error) => {
            console_warn!("{}", json!({ "level": "warn", "recording": id, "detail": format!("{error:?}") }));
            None
        }
    }
}

async fn try_keep(state: &AppState, user: Id, id: Id, audio: &[u8], extension: &str) -> ApiResult<()> {
    let kind = recording_type(extension).to_owned();
    put(state, key(user, id), audio.to_vec(), &kind).await?;
    let bytes = Num::from(i64::try_from(audio.len()).unwrap_or(i64::MAX));
    let recording = Recording { id, user, bytes, kind };
    recordings::insert(&state.store, &recording, durable::now()).await?;
    let surplus = recordings::surplus(&state.store, user, MAX_RECORDINGS_BYTES).await?;
    try_join_all(surplus.iter().map(|old| remove(state, old))).await.map(drop)
}

/// From the bucket first: a recording that nobody can find any more would stay there.
async fn remove(state: &AppState, recording: &Recording) -> ApiResult<()> {
    bucket(state)?.delete(key(recording.user, recording.id)).await.map_err(failed)?;
    Ok(recordings::delete(&state.store, recording.id).await?)
}

/// A recording that the caller may hear.
async fn find(state: &AppState, user: &AuthUser, id: Id) -> ApiResult<Recording> {
    let found = recordings::by_id(&state.store, id).await?.ok_or(NO_RECORDING)?;
    let may = found.user == user.account.id || user.account.role == Role::Admin;
    if may { Ok(found) } else { Err(NO_RECORDING) }
}

/// Read a recording, or a part of it.
#[utoipa::path(get, path = "/audio/{id}", tag = "media", security(("bearer" = [])), params(("id" = Id, Path)),
    responses(
    (status = 200, description = "The recording", content_type = "audio/*"),
    (status = 206, description = "The part that `Range` asks for", content_type = "audio/*"),
    (status = 304, description = "As `If-None-Match` has it"),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "No such recording, or somebody else's"),
    (status = 416, body = ErrorBody, description = "There is no such part"),
))]
#[worker::send]
pub async fn read(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let recording = find(&state, &user, id).await?;
    let tag = format!("\"{id}\"");
    let given = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if matches_tag(given(header::IF_NONE_MATCH), &tag) {
        return unchanged(&tag, CACHING);
    }
    let size = u64::try_from(recording.bytes.as_i64()).unwrap_or(0);
    let part = match range(given(header::RANGE), size) {
        Asked::Nothing => return Err(ApiError::NoSuchRange(size)),
        Asked::Whole => None,
        Asked::Part(part) => Some(part),
    };
    let bytes = load(&state, &recording, part).await?;
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, &recording.kind)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, tag)
        .header(header::CACHE_CONTROL, CACHING);
    if let Some(Part { offset, length }) = part {
        let last = offset + length - 1;
        response = response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {offset}-{last}/{size}"));
    }
    response.body(Body::from(bytes)).map_err(|error| ApiError::Internal(error.to_string()))
}

async fn load(state: &AppState, recording: &Recording, part: Option<Part>) -> ApiResult<Vec<u8>> {
    let bucket = bucket(state)?;
    let get = bucket.get(key(recording.user, recording.id));
    let get = match part {
        Some(Part { offset, length }) => get.range(Range::OffsetWithLength { offset, length }),
        None => get,
    };
    // The bucket's own rule lets go what is old (docs/operations/media.md).
    let found = get.execute().await.map_err(failed)?.ok_or(NO_RECORDING)?;
    found.body().ok_or(NO_RECORDING)?.bytes().await.map_err(failed)
}

/// Delete a recording.
#[utoipa::path(delete, path = "/audio/{id}", tag = "media", security(("bearer" = [])), params(("id" = Id, Path)),
    responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "No such recording, or somebody else's"),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    let recording = find(&state, &user, id).await?;
    remove(&state, &recording).await?;
    Ok(message("The recording is deleted"))
}
