//! Files in the bucket: recordings, each for its owner, and pictures, for everybody.

mod audio;
mod pictures;

pub use audio::keep as keep_recording;
use axum::{body::Body, http::StatusCode, response::Response};
use worker::{Bucket, HttpMetadata};

use crate::{
    http::{
        error::{ApiError, ApiResult},
        routes::operations,
    },
    state::AppState,
};

operations!(audio::read, audio::delete, pictures::upload, pictures::read);

fn bucket(state: &AppState) -> ApiResult<Bucket> {
    state.env.bucket("MEDIA").map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> ApiError {
    ApiError::Unavailable(format!("bucket: {error}"))
}

async fn put(state: &AppState, key: String, bytes: Vec<u8>, kind: &str) -> ApiResult<()> {
    let metadata = HttpMetadata { content_type: Some(kind.to_owned()), ..HttpMetadata::default() };
    bucket(state)?.put(key, bytes).http_metadata(metadata).execute().await.map(drop).map_err(failed)
}

/// The client has it already.
fn unchanged(tag: &str, caching: &'static str) -> ApiResult<Response> {
    let response = Response::builder().status(StatusCode::NOT_MODIFIED);
    let response = response.header("etag", tag).header("cache-control", caching).body(Body::empty());
    response.map_err(|error| ApiError::Internal(error.to_string()))
}
