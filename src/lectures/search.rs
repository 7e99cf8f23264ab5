//! `POST /lectures/search`.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    paging::{Page, Pagination},
};
use futures_util::try_join;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    ejson::Num,
    lectures::{self, Lecture, Wanted},
};
use utoipa::ToSchema;

use super::show::{Links, Viewer};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
    },
    state::Shared,
    users::expand::RegionRef,
};

const MAX_TAGS: usize = 20;

/// What search takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes scalars only")]
pub struct LectureSearch {
    query: Option<String>,
    difficulty: Option<String>,
    is_premium: Option<bool>,
    region: Option<String>,
    instructor: Option<String>,
    category: Option<String>,
    /// Seconds.
    min_duration: Option<f64>,
    /// Seconds.
    max_duration: Option<f64>,
    tags: Option<Vec<String>>,
    page: Option<u32>,
    limit: Option<u32>,
}

/// A lecture that was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    #[serde(rename = "_id")]
    id: Id,
    title: String,
    description: String,
    video_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<String>,
    duration: Num,
    instructor: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Option<RegionRef>>,
    is_premium: bool,
    tags: Vec<String>,
    difficulty: String,
    total_views: Num,
    created_at: Timestamp,
}

/// A page of hits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hits {
    lectures: Vec<Hit>,
    pagination: Pagination,
    /// The body once more; what was missing reads `none` or `all`.
    #[schema(value_type = Object)]
    search_criteria: Map<String, Value>,
}

fn scalar(body: &Map<String, Value>, name: &str) -> ApiResult<Option<String>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(_) => Err(ApiError::BadRequest("Filters must be plain texts or numbers")),
    }
}

fn id(body: &Map<String, Value>, name: &str) -> ApiResult<Option<Id>> {
    let id = scalar(body, name)?.map(|text| text.parse()).transpose();
    id.map_err(|_| ApiError::BadRequest("Region and instructor must be valid ids"))
}

/// Seconds; 0 counts as not given.
fn seconds(body: &Map<String, Value>, name: &str) -> ApiResult<Option<f64>> {
    const WRONG: ApiError = ApiError::BadRequest("Durations must be numbers of seconds");
    let number = scalar(body, name)?.map(|text| text.trim().parse::<f64>()).transpose().map_err(|_| WRONG)?;
    match number {
        Some(number) if number < 0.0 || !number.is_finite() => Err(WRONG),
        number => Ok(number.filter(|number| *number > 0.0)),
    }
}

fn tags(body: &Map<String, Value>) -> ApiResult<Vec<String>> {
    const WRONG: ApiError = ApiError::BadRequest("Tags must be a list of texts");
    match body.get("tags") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(tags)) if tags.len() <= MAX_TAGS => {
            tags.iter().map(|tag| tag.as_str().map(str::to_owned).ok_or(WRONG)).collect()
        }
        Some(_) => Err(WRONG),
    }
}

fn wanted(body: &Map<String, Value>, viewer: &Viewer) -> ApiResult<Wanted> {
    let difficulty = scalar(body, "difficulty")?;
    if difficulty.as_deref().is_some_and(|text| !["beginner", "intermediate", "advanced"].contains(&text)) {
        return Err(ApiError::BadRequest("The difficulty must be beginner, intermediate or advanced"));
    }
    Ok(Wanted {
        visible: !viewer.is_admin,
        is_active: Some(true),
        is_premium: scalar(body, "isPremium")?.map(|premium| premium == "true"),
        difficulty,
        region: id(body, "region")?,
        instructor: id(body, "instructor")?,
        category: scalar(body, "category")?,
        search: scalar(body, "query")?,
        tags: tags(body)?,
        duration: (seconds(body, "minDuration")?, seconds(body, "maxDuration")?),
        ..Wanted::default()
    })
}

fn criteria(body: &Map<String, Value>) -> Map<String, Value> {
    let absent = [
        ("query", "none"),
        ("difficulty", "all"),
        ("isPremium", "all"),
        ("region", "all"),
        ("instructor", "none"),
        ("minDuration", "none"),
        ("maxDuration", "none"),
        ("tags", "none"),
    ];
    let given = |name: &str| body.get(name).filter(|value| !value.is_null() && **value != json!("")).cloned();
    absent
        .into_iter()
        .map(|(name, absent)| (name.to_owned(), given(name).unwrap_or_else(|| json!(absent))))
        .collect()
}

/// Lectures by filters in the body, newest first.
#[utoipa::path(post, path = "/lectures/search", tag = "lectures", security(("bearer" = [])), request_body = LectureSearch,
    responses(
    (status = 200, body = Envelope<Hits>),
    (status = 400, body = ErrorBody, description = "A filter cannot be read"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn search(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Hits>>> {
    let viewer = Viewer::new(Some(&user.account));
    let wanted = wanted(&body, &viewer)?;
    let page = Page::from_text(scalar(&body, "page")?.as_deref(), scalar(&body, "limit")?.as_deref(), 20);
    let (found, total) = try_join!(
        lectures::page(&state.store, &wanted, ("createdAt", -1), page),
        lectures::count(&state.store, &wanted),
    )?;
    let links = Links::of(&state, &found).await?;
    let hit = |lecture: Lecture| Hit {
        region: links.region(&lecture),
        id: lecture.id,
        title: lecture.title,
        description: lecture.description,
        video_url: if viewer.is_entitled || !lecture.is_premium { lecture.video_url } else { String::new() },
        thumbnail_url: lecture.thumbnail_url,
        duration: lecture.duration,
        instructor: lecture.instructor,
        is_premium: lecture.is_premium,
        tags: lecture.tags,
        difficulty: lecture.difficulty,
        total_views: lecture.total_views,
        created_at: lecture.created_at,
    };
    Ok(envelope(
        "Lectures found",
        Hits {
            lectures: found.into_iter().map(hit).collect(),
            pagination: page.of_total(total),
            search_criteria: criteria(&body),
        },
    ))
}
