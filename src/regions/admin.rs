//! What administrators do to regions.

use axum::{Json, extract::State, http::StatusCode};
use domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{changes, removal},
    regions::{self, Region},
    users::{self, Wanted},
};
use utoipa::ToSchema;

use super::one::{NO_REGION, NamedRegion};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, JsonBody, TextPath, parse_id},
        form::Form,
    },
    retry::until_done,
    state::{AppState, Shared},
};

const TAKEN: ApiError = ApiError::BadRequest("A region with this name or code exists already");

/// What a region is made of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct RegionFields {
    /// 2 to 100 characters.
    name: String,
    /// 2 to 10 characters, kept in upper case.
    code: String,
    /// At most 500 characters.
    description: Option<String>,
    /// Open for sign-up.
    is_active: Option<bool>,
}

/// A new region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedRegion {
    #[serde(flatten)]
    region: ShownRegion,
    created_at: Timestamp,
}

/// A changed region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedRegion {
    #[serde(flatten)]
    region: ShownRegion,
    updated_at: Timestamp,
}

/// A region as its editor shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownRegion {
    id: Id,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    is_active: bool,
}

/// A region that was switched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwitchedRegion {
    #[serde(flatten)]
    region: NamedRegion,
    is_active: bool,
    updated_at: Timestamp,
}

impl From<Region> for ShownRegion {
    fn from(region: Region) -> Self {
        Self {
            id: region.id,
            name: region.name,
            code: region.code,
            description: region.description,
            is_active: region.is_active,
        }
    }
}

fn read(body: &Map<String, Value>, needs: &[&str]) -> ApiResult<Map<String, Value>> {
    Form::new(body)
        .needs(needs)
        .text("name", 2..=100)
        .code("code", 2..=10)
        .text("description", 0..=500)
        .boolean("isActive")
        .finish()
}

/// Add a region.
#[utoipa::path(post, path = "/regions", tag = "regions", security(("bearer" = [])), request_body = RegionFields,
    responses(
    (status = 201, body = Envelope<CreatedRegion>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or name or code taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<CreatedRegion>>)> {
    let fields = read(&body, &["name", "code"])?;
    refuse_taken(&state, &fields, None).await?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (id, now) = (durable::new_id(), durable::now());
    let region = Region {
        id,
        name: text("name").unwrap_or_default(),
        code: text("code").unwrap_or_default(),
        description: text("description"),
        is_active: fields.get("isActive") != Some(&json!(false)),
        created_at: now,
        updated_at: now,
        version: 0.into(),
    };
    let entry = admin.entry("regions.create", id, changes(&Value::Null, &fields));
    regions::create(&state.store, &region, &entry).await.map_err(taken)?;
    state.forget_region(id);
    let created = CreatedRegion { region: region.into(), created_at: now };
    Ok((StatusCode::CREATED, envelope("The region is created", created)))
}

/// Change a region.
#[utoipa::path(put, path = "/regions/{id}", tag = "regions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Region id")), request_body = RegionFields, responses(
    (status = 200, body = Envelope<ChangedRegion>),
    (status = 400, body = ErrorBody, description = "A field is wrong, the id malformed, or name or code taken"),
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
) -> ApiResult<Json<Envelope<ChangedRegion>>> {
    let fields = read(&body, &[])?;
    let id = parse_id(&id)?;
    let before = regions::by_id(&state.store, id).await?.ok_or(NO_REGION)?;
    refuse_taken(&state, &fields, Some(id)).await?;
    let entry = admin.entry("regions.update", id, changes(&json!(before), &fields));
    if !regions::update(&state.store, id, None, fields, &entry).await.map_err(taken)? {
        return Err(NO_REGION);
    }
    state.forget_region(id);
    let after = regions::by_id(&state.store, id).await?.ok_or(NO_REGION)?;
    let updated_at = after.updated_at;
    Ok(envelope("The region is saved", ChangedRegion { region: after.into(), updated_at }))
}

/// Names and codes are compared without regard to case; the unique indexes decide between two at once.
async fn refuse_taken(state: &AppState, fields: &Map<String, Value>, own: Option<Id>) -> ApiResult<()> {
    let wanted = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_lowercase);
    let (name, code) = (wanted("name"), wanted("code"));
    if name.is_none() && code.is_none() {
        return Ok(());
    }
    let all = regions::all(&state.store).await?;
    let same = |region: &Region| {
        name.as_ref().is_some_and(|name| *name == region.name.to_lowercase())
            || code.as_ref().is_some_and(|code| *code == region.code.to_lowercase())
    };
    if all.iter().any(|region| Some(region.id) != own && same(region)) { Err(TAKEN) } else { Ok(()) }
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => TAKEN,
        error => error.into(),
    }
}

/// Delete a region that nobody is in.
#[utoipa::path(delete, path = "/regions/{id}", tag = "regions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Region id")), responses(
    (status = 200, body = Envelope<NamedRegion>),
    (status = 400, body = ErrorBody, description = "The id is malformed, or somebody is in the region"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<NamedRegion>>> {
    let region = regions::by_id(&state.store, id).await?.ok_or(NO_REGION)?;
    let entry = admin.entry("regions.delete", id, removal(&region));
    if !regions::delete_unused(&state.store, id, &entry).await? {
        if regions::by_id(&state.store, id).await?.is_none() {
            return Err(NO_REGION);
        }
        let here = Wanted { region: Some(id), ..Wanted::default() };
        let counts = users::counts_by_role(&state.store, &here).await?;
        let count: i64 = counts.iter().map(|role| role.count.as_i64()).sum();
        let people = if count == 1 { "1 user is".to_owned() } else { format!("{count} users are") };
        return Err(ApiError::Refused(format!("{people} in this region; move them to another one first")));
    }
    state.forget_region(id);
    Ok(envelope("The region is deleted", region.into()))
}

/// Open a region for sign-up, or close it.
#[utoipa::path(patch, path = "/regions/{id}/toggle-status", tag = "regions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Region id")), responses(
    (status = 200, body = Envelope<SwitchedRegion>),
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
) -> ApiResult<Json<Envelope<SwitchedRegion>>> {
    until_done(async || {
        let region = regions::by_id(&state.store, id).await?.ok_or(NO_REGION)?;
        let is_active = !region.is_active;
        let set: Map<_, _> = [("isActive".to_owned(), json!(is_active))].into_iter().collect();
        let entry = admin.entry("regions.toggle", id, changes(&json!(region), &set));
        if regions::update(&state.store, id, Some(region.is_active), set, &entry).await? {
            state.forget_region(id);
            let switched = SwitchedRegion { region: region.into(), is_active, updated_at: entry.at };
            return Ok(Some(envelope("The region is switched", switched)));
        }
        Ok(None)
    })
    .await
}
