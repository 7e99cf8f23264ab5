//! `POST /chat/conversations/{id}/messages`: a question, and the tutor's answer.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::join;
use utoipa::ToSchema;

use super::{
    answer::Usage,
    cache,
    conversation::{CATEGORIES, LEVELS, NOT_CONFIGURED, find},
    cost::{self, Outcome},
    exchange::{APOLOGY, Answered, Asked},
    stream,
};
use crate::{
    http::{
        error::{ChatResult, ErrorBody},
        extract::{AuthUser, JsonBody, Later, TextPath},
        form::Form,
    },
    state::Shared,
};

/// A question.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Question {
    /// 1 to 1000 characters.
    message: String,
    category: Option<String>,
    level: Option<String>,
}

/// Ask the tutor. With `Accept: text/event-stream` the answer comes in pieces: events `token` with `{text}`, at last
/// `done` with this answer and `usage`, or `error`.
#[utoipa::path(post, path = "/chat/conversations/{conversationId}/messages", tag = "tutor", security(("bearer" = [])),
    params(("conversationId" = String, Path)), request_body = Question, responses(
    (status = 200, body = Answered),
    (status = 400, body = ErrorBody, description = "A field is wrong"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody, description = "The tokens of the day are used up"),
    (status = 503, body = ErrorBody, description = "No model is set up, or it does not answer"),
))]
#[worker::send]
pub async fn send(
    State(state): State<Shared>,
    Extension(later): Extension<Later>,
    TextPath(id): TextPath,
    user: AuthUser,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> ChatResult<Response> {
    let fields = Form::new(&body)
        .needs(&["message"])
        .text("message", 1..=1000)
        .choice("category", &CATEGORIES)
        .choice("level", &LEVELS)
        .finish()?;
    let conversation = find(&state, user.account.id, &id).await?;
    if !state.model.is_configured() {
        return Err(NOT_CONFIGURED.into());
    }
    let asked = Asked::of(&state, conversation, &fields, later);
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let wants_stream = stream::is_accepted(accept);
    if let Some(key) = &asked.key
        && let Some(answer) = cache::get(key).await
    {
        asked.book(Outcome::Cached);
        let answered = asked.answered(answer).await?;
        return Ok(if wants_stream { stream::whole(&answered) } else { Json(answered).into_response() });
    }
    let reserved = cost::reserve(&state, &user.account, &asked.ask).await?;
    if wants_stream {
        return stream::answer(asked, reserved).await;
    }
    match state.model.ask(&asked.ask).await {
        Ok(answer) => {
            asked.book(Outcome::Answered(answer.usage));
            asked.remember(&answer);
            let settled = cost::settle(&state, reserved, answer.usage);
            let ((), answered) = join!(settled, asked.answered(answer));
            Ok(Json(answered?).into_response())
        }
        Err(error) => {
            cost::settle(&state, reserved, Usage::default()).await;
            Err(asked.failed(&error, APOLOGY.to_owned()).await?.into())
        }
    }
}
