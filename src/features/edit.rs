//! Administrators make features and take them away.

use axum::{Json, extract::State, http::StatusCode};
use domain::Id;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{StoreError, audit::changes, features};
use utoipa::ToSchema;

use super::{
    admin::{CATEGORIES, LOCKED, flag},
    user::NO_FEATURE,
};
use crate::{
    http::{
        body::{Envelope, MessageOnly, envelope, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, JsonBody, TextPath},
        form::Form,
    },
    state::Shared,
};

/// What a feature is made of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct FeatureFields {
    /// 2 to 50 characters, kept in lower case.
    key: String,
    /// 2 to 100 characters.
    name: String,
    /// `games`, `communication`, `learning`, `social` or `premium`.
    category: String,
    is_paid: bool,
    is_active: Option<bool>,
    description: Option<String>,
    icon: Option<String>,
    color: Option<String>,
    order: Option<f64>,
    /// `free`, `basic`, `premium` or `pro`.
    required_plan: Option<String>,
    free_limit: Option<f64>,
    /// `per_day`, `per_week`, `per_month` or `total`.
    free_limit_type: Option<String>,
    show_in_menu: Option<bool>,
    requires_auth: Option<bool>,
}

/// A new feature.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedFeature {
    id: Id,
    key: String,
    name: String,
    category: String,
    is_paid: bool,
    is_active: bool,
}

/// Add a feature.
#[utoipa::path(post, path = "/features/admin/create", tag = "features", security(("bearer" = [])),
    request_body = FeatureFields, responses(
    (status = 201, body = Envelope<CreatedFeature>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the key taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<CreatedFeature>>)> {
    let fields = Form::new(&body)
        .needs(&["key", "name", "category", "isPaid"])
        .read("key", "Key must have 2 to 50 characters", |text| {
            (2..=50).contains(&text.chars().count()).then(|| json!(text.to_lowercase()))
        })
        .text("name", 2..=100)
        .choice("category", &CATEGORIES)
        .boolean("isPaid")
        .boolean("isActive")
        .text("description", 0..=500)
        .text("icon", 0..=100)
        .text("color", 0..=50)
        .number("order", -1e6..=1e6)
        .choice("requiredPlan", &["free", "basic", "premium", "pro"])
        .number("freeLimit", -1.0..=1e6)
        .choice("freeLimitType", &["per_day", "per_week", "per_month", "total"])
        .boolean("showInMenu")
        .boolean("requiresAuth")
        .finish()?;
    let id = durable::new_id();
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let created = CreatedFeature {
        id,
        key: text("key"),
        name: text("name"),
        category: text("category"),
        is_paid: flag(&fields, "isPaid", false),
        is_active: flag(&fields, "isActive", true),
    };
    let entry = admin.entry("features.create", &created.key, changes(&Value::Null, &fields));
    features::create(&state.store, id, fields, &entry).await.map_err(|error| match error {
        StoreError::Duplicate(_) => ApiError::BadRequest("A feature with this key exists already"),
        error => error.into(),
    })?;
    state.forget_features();
    Ok((StatusCode::CREATED, envelope("The feature is created", created)))
}

/// Switch a feature off.
#[utoipa::path(delete, path = "/features/admin/{featureKey}", tag = "features", security(("bearer" = [])),
    params(("featureKey" = String, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The feature is locked"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn deactivate(
    State(state): State<Shared>,
    TextPath(key): TextPath,
    admin: Admin,
) -> ApiResult<Json<MessageOnly>> {
    let before = features::by_key(&state.store, &key.trim().to_lowercase()).await?.ok_or(NO_FEATURE)?;
    if !before.can_toggle {
        return Err(ApiError::BadRequest(LOCKED));
    }
    let set: Map<_, _> = [("isActive".to_owned(), json!(false))].into_iter().collect();
    let entry = admin.entry("features.deactivate", &before.key, changes(&json!(before), &set));
    if !features::update(&state.store, vec![(before.key, set)], &entry).await? {
        return Err(NO_FEATURE);
    }
    state.forget_features();
    Ok(message("The feature is switched off"))
}
