//! What administrators do to plans. The twin under `/admin/plans` does the same and answers in another shape.

use axum::{Json, extract::State, http::StatusCode};
use domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{changes, removal},
    ejson::Num,
    plans::{self, Plan, PlanFeature},
};
use utoipa::ToSchema;

use super::{
    fields::{self, NEEDED},
    list::NO_PLAN,
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, JsonBody, TextPath, parse_id},
    },
    retry::until_done,
    state::{AppState, Shared},
};

const NAME_TAKEN: ApiError = ApiError::BadRequest("A plan with this name exists already");

/// A plan as its editor gets it back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    id: Id,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    price: Num,
    duration: Num,
    duration_type: String,
    features: Vec<PlanFeature>,
    is_active: bool,
    is_popular: bool,
    priority: Num,
}

/// A new plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    #[serde(flatten)]
    plan: Summary,
    created_at: Timestamp,
}

/// A changed plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    #[serde(flatten)]
    plan: Summary,
    updated_at: Timestamp,
}

impl From<Plan> for Summary {
    fn from(plan: Plan) -> Self {
        Self {
            id: plan.id,
            name: plan.name,
            description: plan.description,
            price: plan.price,
            duration: plan.duration,
            duration_type: plan.duration_type,
            features: plan.features,
            is_active: plan.is_active,
            is_popular: plan.is_popular,
            priority: plan.priority,
        }
    }
}

/// Stores a new plan; `unit` is its unit of length when the body does not say.
pub(super) async fn store_new(
    state: &AppState,
    admin: &Admin,
    mut fields: Map<String, Value>,
    unit: &str,
) -> ApiResult<Plan> {
    fields.entry("durationType").or_insert(json!(unit));
    refuse_taken(state, &fields, None).await?;
    let id = durable::new_id();
    let entry = admin.entry("plans.create", id, changes(&Value::Null, &fields));
    plans::create(&state.store, id, fields, &entry).await.map_err(taken)?;
    plans::by_id(&state.store, id).await?.ok_or(NO_PLAN)
}

/// Stores a change of a plan.
pub(super) async fn store_change(
    state: &AppState,
    admin: &Admin,
    id: Id,
    fields: Map<String, Value>,
) -> ApiResult<Plan> {
    let before = plans::by_id(&state.store, id).await?.ok_or(NO_PLAN)?;
    refuse_taken(state, &fields, Some(&before)).await?;
    let entry = admin.entry("plans.update", id, changes(&json!(before), &fields));
    if !plans::update(&state.store, id, None, fields, &entry).await.map_err(taken)? {
        return Err(NO_PLAN);
    }
    state.forget_plan(id);
    plans::by_id(&state.store, id).await?.ok_or(NO_PLAN)
}

/// Names are compared without regard to case; the unique index on the folded name decides between two at once.
async fn refuse_taken(state: &AppState, fields: &Map<String, Value>, own: Option<&Plan>) -> ApiResult<()> {
    let Some(name) = fields.get("name").and_then(Value::as_str).map(str::to_lowercase) else { return Ok(()) };
    if own.is_some_and(|plan| plan.name.to_lowercase() == name) {
        return Ok(());
    }
    let all = plans::all(&state.store).await?;
    if all.iter().any(|plan| plan.name.to_lowercase() == name) { Err(NAME_TAKEN) } else { Ok(()) }
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(why) if why.contains("razorpayPlanId") => {
            ApiError::BadRequest("Another plan has this razorpayPlanId")
        }
        StoreError::Duplicate(_) => NAME_TAKEN,
        error => error.into(),
    }
}

/// Deletes a plan that nobody bought; answers how it was.
pub(super) async fn remove(state: &AppState, admin: &Admin, id: Id) -> ApiResult<Plan> {
    let plan = plans::by_id(&state.store, id).await?.ok_or(NO_PLAN)?;
    let entry = admin.entry("plans.delete", id, removal(&plan));
    if !plans::delete_unused(&state.store, id, durable::now(), &entry).await? {
        let (subscribers, transactions) = plans::uses(&state.store, id, durable::now()).await?;
        if subscribers == 0 && transactions == 0 {
            return Err(NO_PLAN);
        }
        return Err(ApiError::Refused(format!(
            "This plan has {subscribers} subscribers and {transactions} transactions and must stay"
        )));
    }
    state.forget_plan(id);
    Ok(plan)
}

/// Flips whether a plan is sold; answers how it was, and when it was flipped.
pub(super) async fn flip(state: &AppState, admin: &Admin, id: Id) -> ApiResult<(Plan, Timestamp)> {
    until_done(async || {
        let plan = plans::by_id(&state.store, id).await?.ok_or(NO_PLAN)?;
        let set: Map<_, _> = [("isActive".to_owned(), json!(!plan.is_active))].into_iter().collect();
        let entry = admin.entry("plans.toggle", id, changes(&json!(plan), &set));
        let done = plans::update(&state.store, id, Some(plan.is_active), set, &entry).await?;
        state.forget_plan(id);
        Ok(done.then_some((plan, entry.at)))
    })
    .await
}

/// Add a plan.
#[utoipa::path(post, path = "/plans", tag = "plans", security(("bearer" = [])), request_body = Object, responses(
    (status = 201, body = Envelope<Created>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the name taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Created>>)> {
    let plan = store_new(&state, &admin, fields::read(&body, &NEEDED)?, "months").await?;
    let created_at = plan.created_at;
    Ok((StatusCode::CREATED, envelope("The plan is created", Created { plan: plan.into(), created_at })))
}

/// Change a plan. Orders that are open keep what they were made for.
#[utoipa::path(put, path = "/plans/{id}", tag = "plans", security(("bearer" = [])), params(("id" = String, Path)),
    request_body = Object, responses(
    (status = 200, body = Envelope<Changed>),
    (status = 400, body = ErrorBody, description = "A field is wrong, the id malformed, or the name taken"),
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
    let fields = fields::read(&body, &[])?;
    let plan = store_change(&state, &admin, parse_id(&id)?, fields).await?;
    let updated_at = plan.updated_at;
    Ok(envelope("The plan is saved", Changed { plan: plan.into(), updated_at }))
}

/// A plan that was deleted.
#[derive(Serialize, ToSchema)]
pub struct Deleted {
    id: Id,
    name: String,
    price: Num,
}

/// Delete a plan that nobody bought.
#[utoipa::path(delete, path = "/plans/{id}", tag = "plans", security(("bearer" = [])), params(("id" = String, Path)),
    responses(
    (status = 200, body = Envelope<Deleted>),
    (status = 400, body = ErrorBody, description = "The id is malformed, or the plan in use"),
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
    let plan = remove(&state, &admin, id).await?;
    Ok(envelope("The plan is deleted", Deleted { id, name: plan.name, price: plan.price }))
}

/// A plan that was switched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Switched {
    id: Id,
    name: String,
    is_active: bool,
    updated_at: Timestamp,
}

/// Take a plan off sale, or put it on sale again.
#[utoipa::path(patch, path = "/plans/{id}/toggle-status", tag = "plans", security(("bearer" = [])),
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
    let (plan, updated_at) = flip(&state, &admin, id).await?;
    let switched = Switched { id, name: plan.name, is_active: !plan.is_active, updated_at };
    Ok(envelope("The plan is switched", switched))
}
