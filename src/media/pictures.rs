//! Pictures of profiles and games: named by their content, so that they never change and the CDN may keep them.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use domain::{
    accounts::Role,
    files::{MAX_PICTURE_BYTES, matches_tag, picture_type},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{bucket, failed, put, unchanged};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, TextPath},
        multipart,
    },
    state::Shared,
};

const CACHING: &str = "public, max-age=31536000, immutable";
const NO_PICTURE: ApiError = ApiError::NotFound("There is no such picture");

/// A picture to keep.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done below")]
pub struct NewPicture {
    /// png, jpeg, webp or gif, at most 2 MB.
    #[schema(format = Binary)]
    file: String,
    /// `profile`, or `game` for administrators.
    purpose: String,
}

/// A picture that was kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptPicture {
    /// SHA-256 of its bytes.
    id: String,
    url: String,
    content_type: &'static str,
    bytes: usize,
}

fn key(id: &str) -> String {
    format!("media/{id}")
}

/// Keep a picture. The same bytes are kept once.
#[utoipa::path(post, path = "/media", tag = "media", security(("bearer" = [])),
    request_body(content = NewPicture, content_type = "multipart/form-data"), responses(
    (status = 201, body = Envelope<KeptPicture>),
    (status = 400, body = ErrorBody, description = "No picture, no purpose, or another field"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Pictures of games are for administrators"),
    (status = 413, body = ErrorBody, description = "More than 2 MB"),
    (status = 415, body = ErrorBody, description = "Not a picture that we know"),
))]
#[worker::send]
pub async fn upload(
    State(state): State<Shared>,
    user: AuthUser,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<Envelope<KeptPicture>>)> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let parts =
        multipart::read(kind, &body).ok_or(ApiError::BadRequest("Please send the picture as a form"))?;
    let (mut file, mut purpose) = (None, String::new());
    for part in parts {
        match part.name.as_str() {
            "file" if part.is_file && file.is_none() => file = Some(part.content),
            "purpose" => multipart::text(part.content).trim().clone_into(&mut purpose),
            _ => return Err(ApiError::BadRequest("The form has a field that is not expected")),
        }
    }
    match purpose.as_str() {
        "profile" => {}
        "game" if user.account.role == Role::Admin => {}
        "game" => return Err(ApiError::Forbidden("Pictures of games are for administrators")),
        _ => return Err(ApiError::BadRequest("purpose must be profile or game")),
    }
    let file = file.ok_or(ApiError::BadRequest("Please send a picture"))?;
    if file.len() > MAX_PICTURE_BYTES {
        return Err(ApiError::TooLarge);
    }
    let content_type =
        picture_type(file).ok_or(ApiError::UnsupportedType("This is not a picture that we know"))?;
    let id = hex(&Sha256::digest(file));
    put(&state, key(&id), file.to_vec(), content_type).await?;
    let url = format!("{}/api/media/{id}", state.public_url);
    let kept = KeptPicture { id, url, content_type, bytes: file.len() };
    Ok((StatusCode::CREATED, envelope("The picture is kept", kept)))
}

/// Show a picture.
#[utoipa::path(get, path = "/media/{id}", tag = "media", params(("id" = String, Path)), responses(
    (status = 200, description = "The picture", content_type = "image/*"),
    (status = 304, description = "As `If-None-Match` has it"),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 404, body = ErrorBody, description = "No such picture"),
))]
#[worker::send]
pub async fn read(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let is_id = id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_id {
        return Err(ApiError::BadRequest("The id in the address is not valid"));
    }
    let tag = format!("\"{id}\"");
    let given = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let found = bucket(&state)?.get(key(&id)).execute().await.map_err(failed)?.ok_or(NO_PICTURE)?;
    if matches_tag(given, &tag) {
        return unchanged(&tag, CACHING);
    }
    let bytes = found.body().ok_or(NO_PICTURE)?.bytes().await.map_err(failed)?;
    // What it is was told by its bytes when it came; it is told so again, never by what a client said.
    let content_type = picture_type(&bytes).ok_or(NO_PICTURE)?;
    Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ETAG, tag)
        .header(header::CACHE_CONTROL, CACHING)
        .header("cross-origin-resource-policy", "cross-origin")
        .body(Body::from(bytes))
        .map_err(|error| ApiError::Internal(error.to_string()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
