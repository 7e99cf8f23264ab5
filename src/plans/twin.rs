//! `/admin/plans`: what the admin site uses. The same rules as `/plans`, other shapes.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use store::plans::{self, Plan};
use utoipa::ToSchema;

use super::{admin, fields};
use crate::{
    http::{
        body::{DataOnly, Envelope, MessageOnly, data, envelope, message},
        error::{ApiResult, ErrorBody},
        extract::{Admin, IdPath, JsonBody, TextPath, parse_id},
    },
    state::Shared,
};

/// All plans as stored, cheapest first.
#[utoipa::path(get, path = "/admin/plans", tag = "admin", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<Vec<Plan>>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn list(State(state): State<Shared>, _admin: Admin) -> ApiResult<Json<DataOnly<Vec<Plan>>>> {
    let mut plans = plans::all(&state.store).await?;
    plans.sort_by(|a, b| a.price.as_f64().total_cmp(&b.price.as_f64()).then_with(|| a.id.cmp(&b.id)));
    Ok(data(plans))
}

/// Add a plan.
#[utoipa::path(post, path = "/admin/plans", tag = "admin", security(("bearer" = [])), request_body = Object, responses(
    (status = 201, body = Envelope<Plan>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the name taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Plan>>)> {
    let plan =
        admin::store_new(&state, &admin, fields::read_as_typed(&body, &fields::NEEDED)?, "months").await?;
    Ok((StatusCode::CREATED, envelope("The plan is created", plan)))
}

/// Change a plan.
#[utoipa::path(put, path = "/admin/plans/{planId}", tag = "admin", security(("bearer" = [])),
    params(("planId" = String, Path)), request_body = Object, responses(
    (status = 200, body = Envelope<Plan>),
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
) -> ApiResult<Json<Envelope<Plan>>> {
    let fields = fields::read_as_typed(&body, &[])?;
    let plan = admin::store_change(&state, &admin, parse_id(&id)?, fields).await?;
    Ok(envelope("The plan is saved", plan))
}

/// Delete a plan that nobody bought.
#[utoipa::path(delete, path = "/admin/plans/{planId}", tag = "admin", security(("bearer" = [])),
    params(("planId" = String, Path)), responses(
    (status = 200, body = MessageOnly),
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
) -> ApiResult<Json<MessageOnly>> {
    admin::remove(&state, &admin, id).await?;
    Ok(message("The plan is deleted"))
}

/// The new state of a plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flipped {
    is_active: bool,
}

/// Take a plan off sale, or put it on sale again.
#[utoipa::path(patch, path = "/admin/plans/{planId}/toggle-status", tag = "admin", security(("bearer" = [])),
    params(("planId" = String, Path)), responses(
    (status = 200, body = Envelope<Flipped>),
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
) -> ApiResult<Json<Envelope<Flipped>>> {
    let (plan, _) = admin::flip(&state, &admin, id).await?;
    Ok(envelope("The plan is switched", Flipped { is_active: !plan.is_active }))
}
