//! `GET /lectures/admin/statistics`: figures about lectures, in one aggregation.

use axum::{Json, extract::State};
use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use store::{
    ejson::Num,
    lectures::{self, DifficultyStatistics, Lecture, Wanted},
    users,
};
use utoipa::{IntoParams, ToSchema};

use super::show::{Instructor, Links};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, QueryOf, query_time, told},
    },
    state::Shared,
    users::expand::RegionRef,
};

/// A time span, and a region.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// ISO 8601; inclusive.
    start_date: Option<String>,
    /// ISO 8601; inclusive.
    end_date: Option<String>,
    /// Region id.
    region: Option<String>,
}

/// A lecture that came lately.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentLecture {
    #[serde(rename = "_id")]
    id: Id,
    title: String,
    instructor: Option<Instructor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Option<RegionRef>>,
    difficulty: String,
    is_premium: bool,
    total_views: Num,
    created_at: Timestamp,
}

/// An instructor whose lectures are watched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopInstructor {
    #[serde(rename = "_id")]
    id: Option<Id>,
    name: Option<String>,
    lecture_count: Num,
    total_views: Num,
    avg_duration: Option<Num>,
}

/// Figures about lectures.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LectureStatistics {
    statistics: Vec<DifficultyStatistics>,
    recent_lectures: Vec<RecentLecture>,
    top_instructors: Vec<TopInstructor>,
    filters: Filters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    start_date: String,
    end_date: String,
    region: String,
}

/// Totals by difficulty, newest lectures, most watched instructors.
#[utoipa::path(get, path = "/lectures/admin/statistics", tag = "lectures", security(("bearer" = [])), params(Span),
    responses(
    (status = 200, body = Envelope<LectureStatistics>),
    (status = 400, body = ErrorBody, description = "A date or the region cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(span): QueryOf<Span>,
) -> ApiResult<Json<Envelope<LectureStatistics>>> {
    let region = span.region.as_ref().filter(|id| !id.is_empty()).map(|id| id.parse::<Id>()).transpose();
    let wanted = Wanted {
        region: region.map_err(|_| ApiError::BadRequest("The region is not a valid id"))?,
        made: (query_time(span.start_date.as_ref())?, query_time(span.end_date.as_ref())?),
        ..Wanted::default()
    };
    let found = lectures::statistics(&state.store, &wanted).await?;
    let links = Links::of(&state, &found.recent).await?;
    let recent = |lecture: Lecture| RecentLecture {
        instructor: links.instructor(&lecture),
        region: links.region(&lecture),
        id: lecture.id,
        title: lecture.title,
        difficulty: lecture.difficulty,
        is_premium: lecture.is_premium,
        total_views: lecture.total_views,
        created_at: lecture.created_at,
    };
    let ids: Vec<Id> = found.instructors.iter().filter_map(|line| line.id).collect();
    let names = if ids.is_empty() { Vec::new() } else { users::references(&state.store, &ids).await? };
    let top = |line: lectures::InstructorTotals| TopInstructor {
        name: names.iter().find(|user| Some(user.id) == line.id).map(|user| user.name.clone()),
        id: line.id,
        lecture_count: line.lecture_count,
        total_views: line.total_views,
        avg_duration: line.avg_duration,
    };
    Ok(envelope(
        "Lecture statistics",
        LectureStatistics {
            statistics: found.statistics,
            recent_lectures: found.recent.into_iter().map(recent).collect(),
            top_instructors: found.instructors.into_iter().map(top).collect(),
            filters: Filters {
                start_date: told(span.start_date, "none"),
                end_date: told(span.end_date, "none"),
                region: told(span.region, "all"),
            },
        },
    ))
}
