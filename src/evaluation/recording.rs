//! `POST /evaluation/pronunciation/audio`: a recording is transcribed, scored, and kept for its learner.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
};
use domain::{Id, Timestamp, recording};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use worker::console_error;

use super::spoken::{DIFFICULTIES, Spoken, judge, keep};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::MaybeUser,
        multipart,
    },
    media::keep_recording,
    state::Shared,
    tutor::upstream::UpstreamError,
};

const MAX_AUDIO: usize = 10 * 1024 * 1024;
const MAX_WORD_CHARS: usize = 200;

/// How a word was spoken, and what was heard.
#[derive(Serialize, ToSchema)]
pub struct Heard {
    #[serde(flatten)]
    spoken: Spoken,
    transcription: String,
}

/// A recording that was scored.
#[derive(Serialize, ToSchema)]
pub struct ScoredRecording {
    evaluation: Heard,
    target_word: String,
    transcription: String,
    audio_processed: bool,
    /// Where the recording can be heard again: `/audio/{id}`.
    #[serde(rename = "audioId", skip_serializing_if = "Option::is_none")]
    audio_id: Option<Id>,
    timestamp: Timestamp,
}

/// A recording.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done below")]
pub struct Recording {
    /// wav, mp3, m4a, webm or ogg, at most 5 MB.
    #[schema(format = Binary)]
    audio: String,
    target_word: String,
    difficulty: Option<String>,
}

/// Transcribe a recording and score it.
#[utoipa::path(post, path = "/evaluation/pronunciation/audio", tag = "evaluation", security(("bearer" = [])),
    request_body(content = Recording, content_type = "multipart/form-data"), responses(
    (status = 200, body = Envelope<ScoredRecording>),
    (status = 400, body = ErrorBody, description = "No recording, no word, or another field"),
    (status = 401, body = ErrorBody),
    (status = 413, body = ErrorBody, description = "More than 5 MB"),
    (status = 415, body = ErrorBody, description = "Not a recording that we know"),
    (status = 503, body = ErrorBody, description = "The recording cannot be transcribed right now"),
))]
#[worker::send]
pub async fn evaluate(
    State(state): State<Shared>,
    MaybeUser(account): MaybeUser,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Json<Envelope<ScoredRecording>>> {
    if account.is_none() && !state.anonymous_pronunciation {
        return Err(ApiError::Unauthorized(crate::http::error::text::TOKEN_REQUIRED));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let parts =
        multipart::read(kind, &body).ok_or(ApiError::BadRequest("Please send the recording as a form"))?;
    let mut audio = None;
    let (mut target_word, mut difficulty) = (String::new(), String::new());
    for part in parts {
        match part.name.as_str() {
            "audio" if part.is_file && audio.is_none() => audio = Some(part.content),
            "targetWord" => multipart::text(part.content).trim().clone_into(&mut target_word),
            "difficulty" => difficulty = multipart::text(part.content).trim().to_lowercase(),
            "gameId" | "sessionId" => {}
            _ => return Err(ApiError::BadRequest("The form has a field that is not expected")),
        }
    }
    let audio = audio.ok_or(ApiError::BadRequest("Please send a recording"))?;
    if audio.len() > MAX_AUDIO {
        return Err(ApiError::TooLarge);
    }
    if target_word.is_empty() || target_word.chars().count() > MAX_WORD_CHARS {
        return Err(ApiError::BadRequest("Please say which word was spoken, in at most 200 characters"));
    }
    let extension = recording::extension(audio);
    let extension = extension.ok_or(ApiError::UnsupportedType("This is not a recording that we know"))?;
    let transcription = transcribe(&state, audio.to_vec(), extension).await?;
    if !DIFFICULTIES.contains(&difficulty.as_str()) {
        difficulty = "medium".into();
    }
    let spoken = judge(&state, &target_word, &transcription, &difficulty).await;
    let timestamp = durable::now();
    let mut audio_id = None;
    if let Some(account) = account {
        audio_id = keep_recording(&state, account.id, audio, extension).await;
        let texts = (target_word.as_str(), transcription.as_str());
        keep(&state, account.id, &spoken, texts, audio_id, timestamp).await?;
    }
    let evaluation = Heard { spoken, transcription: transcription.clone() };
    let scored = ScoredRecording {
        evaluation,
        target_word,
        transcription,
        audio_processed: true,
        audio_id,
        timestamp,
    };
    Ok(envelope("Your pronunciation is scored", scored))
}

async fn transcribe(state: &Shared, audio: Vec<u8>, extension: &str) -> ApiResult<String> {
    state.model.transcribe(audio, extension).await.map_err(|error| {
        if let UpstreamError::Failed(detail) = error {
            console_error!(
                "{}",
                json!({ "level": "error", "evaluation": "transcription", "detail": detail })
            );
        }
        ApiError::NotAvailable("The recording cannot be understood right now. Please try again in a moment")
    })
}
