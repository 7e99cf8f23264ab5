//! `POST /lectures/{id}/view`: an opening is counted once.

use axum::{Json, extract::State};
use domain::Id;
use durable::{
    UserHub, rpc,
    user_hub::{HubReply, HubRequest},
};
use serde::Serialize;
use serde_json::Value;
use store::{ejson::Num, lectures};
use utoipa::ToSchema;

use super::{one::NO_LECTURE, show::Viewer};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, JsonBody},
    },
    state::Shared,
};

/// What a view may report.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done below")]
pub struct View {
    /// Seconds watched, at most the length of the lecture.
    watch_time: Option<f64>,
}

/// The counters of a lecture.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Views {
    id: Id,
    title: String,
    total_views: Num,
    average_watch_time: Num,
    completion_rate: Num,
}

/// Count an opening. The same learner opening the same lecture again at once is one opening; a time that he reports then
/// still counts.
#[utoipa::path(post, path = "/lectures/{id}/view", tag = "lectures", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = View, responses(
    (status = 200, body = Envelope<Views>),
    (status = 400, body = ErrorBody, description = "The id is malformed, or the time no number of seconds"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn view(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Views>>> {
    let viewer = Viewer::new(Some(&user.account));
    let lecture = lectures::by_id(&state.store, id).await?;
    let lecture = lecture.filter(|lecture| viewer.sees(lecture)).ok_or(NO_LECTURE)?;
    let seconds = watch_time(body.get("watchTime"))?.map(|seconds| seconds.min(lecture.duration.as_f64()));
    let hub = user.account.id.to_string();
    let opened = rpc::call::<UserHub>(&state.env, &hub, &HubRequest::Opened { lecture: id }).await?;
    let HubReply::Counted(counted) = opened else {
        return Err(ApiError::Internal("the hub answered something else".into()));
    };
    if counted || seconds.is_some() {
        lectures::viewed(&state.store, &lecture, user.account.id, seconds, counted, durable::now()).await?;
    }
    let lecture = lectures::by_id(&state.store, id).await?.ok_or(NO_LECTURE)?;
    Ok(envelope(
        "Noted",
        Views {
            id,
            title: lecture.title,
            total_views: lecture.total_views,
            average_watch_time: lecture.average_watch_time,
            completion_rate: lecture.completion_rate,
        },
    ))
}

fn watch_time(value: Option<&Value>) -> ApiResult<Option<f64>> {
    const WRONG: ApiError = ApiError::BadRequest("watchTime must be a number of seconds");
    let seconds = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0).map(Some).ok_or(WRONG)
}
