//! What administrators do to lectures.

use axum::{Json, extract::State, http::StatusCode};
use domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{changes, removal},
    ejson::Num,
    lectures::{self, Lecture},
};
use utoipa::ToSchema;

use super::{fields, one::NO_LECTURE};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, JsonBody, TextPath, parse_id},
    },
    retry::until_done,
    state::Shared,
};

const TAKEN: ApiError = ApiError::BadRequest("A lecture with this title exists already");

/// A lecture as its editor gets it back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    id: Id,
    title: String,
    description: String,
    video_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<String>,
    duration: Num,
    instructor: Option<Id>,
    is_premium: bool,
    is_active: bool,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    difficulty: String,
}

/// A new lecture.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    #[serde(flatten)]
    lecture: Summary,
    created_at: Timestamp,
}

/// A changed lecture.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    #[serde(flatten)]
    lecture: Summary,
    updated_at: Timestamp,
}

impl From<Lecture> for Summary {
    fn from(lecture: Lecture) -> Self {
        Self {
            id: lecture.id,
            title: lecture.title,
            description: lecture.description,
            video_url: lecture.video_url,
            thumbnail_url: lecture.thumbnail_url,
            duration: lecture.duration,
            instructor: lecture.instructor,
            is_premium: lecture.is_premium,
            is_active: lecture.is_active,
            tags: lecture.tags,
            category: lecture.category,
            difficulty: lecture.difficulty,
        }
    }
}

/// Add a lecture. It is published at once, unless `isPublished` says otherwise.
#[utoipa::path(post, path = "/lectures", tag = "lectures", security(("bearer" = [])), request_body = Object, responses(
    (status = 201, body = Envelope<Created>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the title taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Created>>)> {
    let fields = fields::read(&body, &["title", "description", "videoUrl", "duration", "instructor"])?;
    fields::check_links(&state, &fields).await?;
    let title = fields.get("title").and_then(Value::as_str).unwrap_or_default();
    if lectures::with_title(&state.store, title, None).await? {
        return Err(TAKEN);
    }
    let id = durable::new_id();
    let entry = admin.entry("lectures.create", id, changes(&Value::Null, &fields));
    lectures::create(&state.store, id, fields, &entry).await.map_err(taken)?;
    let lecture = lectures::by_id(&state.store, id).await?.ok_or(NO_LECTURE)?;
    let created_at = lecture.created_at;
    Ok((
        StatusCode::CREATED,
        envelope("The lecture is created", Created { lecture: lecture.into(), created_at }),
    ))
}

/// Change fields of a lecture. Notes are merged; blank optional fields count as not given.
#[utoipa::path(put, path = "/lectures/{id}", tag = "lectures", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = Object, responses(
    (status = 200, body = Envelope<Changed>),
    (status = 400, body = ErrorBody, description = "A field is wrong, the id malformed, or the title taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn update(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Changed>>> {
    let mut fields = fields::read(&body, &[])?;
    let id = parse_id(&id)?;
    let before = lectures::by_id(&state.store, id).await?.ok_or(NO_LECTURE)?;
    fields::check_links(&state, &fields).await?;
    let title = fields.get("title").and_then(Value::as_str);
    if let Some(title) = title.filter(|title| *title != before.title)
        && lectures::with_title(&state.store, title, Some(id)).await?
    {
        return Err(TAKEN);
    }
    if fields.get("isPublished") == Some(&json!(true)) && !before.is_published {
        fields.insert("publishedAt".into(), store::ejson::date(durable::now()));
    }
    let entry = admin.entry("lectures.update", id, changes(&json!(before), &fields));
    if !lectures::update(&state.store, id, None, fields, &entry).await.map_err(taken)? {
        return Err(NO_LECTURE);
    }
    let lecture = lectures::by_id(&state.store, id).await?.ok_or(NO_LECTURE)?;
    let updated_at = lecture.updated_at;
    Ok(envelope("The lecture is saved", Changed { lecture: lecture.into(), updated_at }))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => TAKEN,
        error => error.into(),
    }
}

/// A lecture that was removed.
#[derive(Serialize, ToSchema)]
pub struct Deleted {
    id: Id,
    title: String,
    instructor: Option<Id>,
}

/// Remove a lecture for good.
#[utoipa::path(delete, path = "/lectures/{id}", tag = "lectures", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<Deleted>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Deleted>>> {
    let before = lectures::by_id(&state.store, id).await?.ok_or(NO_LECTURE)?;
    let entry = admin.entry("lectures.delete", id, removal(&before));
    if !lectures::delete(&state.store, id, &entry).await? {
        return Err(NO_LECTURE);
    }
    Ok(envelope("The lecture is deleted", Deleted { id, title: before.title, instructor: before.instructor }))
}

/// A lecture that was switched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Switched {
    id: Id,
    title: String,
    is_active: bool,
    updated_at: Timestamp,
}

/// Switch a lecture on or off.
#[utoipa::path(patch, path = "/lectures/{id}/toggle-status", tag = "lectures", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<Switched>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn toggle(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Switched>>> {
    until_done(async || {
        let lecture = lectures::by_id(&state.store, id).await?.ok_or(NO_LECTURE)?;
        let is_active = !lecture.is_active;
        let set: Map<_, _> = [("isActive".to_owned(), json!(is_active))].into_iter().collect();
        let entry =
            admin.entry("lectures.toggle", id, changes(&json!({ "isActive": lecture.is_active }), &set));
        if lectures::update(&state.store, id, Some(lecture.is_active), set, &entry).await? {
            let switched = Switched { id, title: lecture.title, is_active, updated_at: entry.at };
            return Ok(Some(envelope("The lecture is switched", switched)));
        }
        Ok(None)
    })
    .await
}
