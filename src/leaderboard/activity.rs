//! `POST /leaderboard/update-activity/{userId}`: an administrator corrects a counter. Points stay: they count sessions.

use axum::{Json, extract::State};
use domain::{Id, accounts::Role};
use serde::Serialize;
use serde_json::Value;
use store::{
    audit::Change,
    users::{self, Activity},
};
use utoipa::ToSchema;

use super::ranking::{PointStatistics, points_of};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, JsonBody},
        form::Form,
    },
    state::Shared,
};

/// Most that is added at once.
const MOST: i64 = 1000;
const NO_USER: ApiError = ApiError::NotFound("There is no such user");

/// What a correction takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Correction {
    /// `lectures`, `games` or `communication`.
    activity_type: String,
    /// 1 (default) to 1000.
    increment: Option<i64>,
}

/// What was changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Corrected {
    user_id: Id,
    activity_type: String,
    increment: i64,
    /// Session counts, which do not change with it.
    updated_statistics: PointStatistics,
    /// The counter as it is now.
    updated_counter: i64,
}

/// Add to one activity counter of a student.
#[utoipa::path(post, path = "/leaderboard/update-activity/{userId}", tag = "leaderboard", security(("bearer" = [])),
    params(("userId" = String, Path)), request_body = Correction, responses(
    (status = 200, body = Envelope<Corrected>),
    (status = 400, body = ErrorBody, description = "The id or a field is wrong, or the account no student's"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn update(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Corrected>>> {
    let fields = Form::new(&body)
        .needs(&["activityType"])
        .choice("activityType", &["lectures", "games", "communication"])
        .integer("increment", 1..=MOST)
        .finish()?;
    let activity_type = fields.get("activityType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let increment = fields.get("increment").and_then(Value::as_i64).unwrap_or(1);
    let activity = match activity_type.as_str() {
        "lectures" => Activity::Lectures,
        "games" => Activity::Games,
        _ => Activity::Communication,
    };
    let user = users::by_id(&state.store, id).await?.ok_or(NO_USER)?;
    if user.role != Role::Student {
        return Err(ApiError::BadRequest("This user is not a student"));
    }
    let info = &user.student_info;
    let before = match activity {
        Activity::Lectures => &info.total_lectures_watched,
        Activity::Games => &info.total_games_played,
        Activity::Communication => &info.total_sessions,
    };
    let updated_counter = before.as_i64() + increment;
    let change = Change {
        field: activity.field().to_owned(),
        before: before.as_i64().into(),
        after: updated_counter.into(),
    };
    let entry = admin.entry("leaderboard.updateActivity", id, vec![change]);
    if !users::add_activity(&state.store, id, activity, increment, &entry).await? {
        return Err(NO_USER);
    }
    let updated_statistics = points_of(&state, user.region, id).await?;
    Ok(envelope(
        "The counter is changed",
        Corrected { user_id: id, activity_type, increment, updated_statistics, updated_counter },
    ))
}
