//! What is sold, for buyers.

use axum::{Json, extract::State};
use domain::{Id, Timestamp, accounts::Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    ejson::Num,
    plans::{self, Plan, PlanFeature},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{DataOnly, Envelope, data, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, MaybeUser, QueryOf},
    },
    state::Shared,
};

pub(super) const NO_PLAN: ApiError = ApiError::NotFound("There is no such plan");

/// Whether a plan may be bought.
pub fn is_for_sale(plan: &Plan) -> bool {
    plan.is_active
}

/// Which plans, in which order.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// For administrators: `true` selects active plans, another text the others.
    active: Option<String>,
    /// Ignored.
    premium: Option<String>,
    /// `priority` (default), `price`, `duration`, `name` or `createdAt`.
    sort_by: Option<String>,
    /// `desc` (default) sorts downwards, anything else upwards.
    sort_order: Option<String>,
}

/// A plan, as listed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct ListedPlan {
    #[serde(rename = "_id")]
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
    max_sessions: Num,
    max_games: Num,
    max_lectures: Num,
    includes_video_calls: bool,
    includes_voice_calls: bool,
    includes_group_calls: bool,
    includes_chat: bool,
    includes_games: bool,
    includes_lectures: bool,
    priority: Num,
}

/// One plan, as everybody may see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanDetail {
    #[serde(flatten)]
    plan: ListedPlan,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Plan> for ListedPlan {
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
            max_sessions: plan.max_sessions,
            max_games: plan.max_games,
            max_lectures: plan.max_lectures,
            includes_video_calls: plan.includes_video_calls,
            includes_voice_calls: plan.includes_voice_calls,
            includes_group_calls: plan.includes_group_calls,
            includes_chat: plan.includes_chat,
            includes_games: plan.includes_games,
            includes_lectures: plan.includes_lectures,
            priority: plan.priority,
        }
    }
}

/// All plans.
#[derive(Serialize, ToSchema)]
pub struct PlanList {
    plans: Vec<ListedPlan>,
    total: usize,
    filters: Filters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    /// True, false, or `all`.
    #[schema(value_type = String)]
    active: Value,
    /// True, false, or `all`.
    #[schema(value_type = String)]
    premium: Value,
    sort_by: String,
    sort_order: String,
}

/// What is sold; administrators may ask for what is not.
#[utoipa::path(get, path = "/plans", tag = "plans", security((), ("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = Envelope<PlanList>),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    MaybeUser(account): MaybeUser,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<Envelope<PlanList>>> {
    let is_admin = account.is_some_and(|account| account.role == Role::Admin);
    let flag =
        |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).map(|text| text == "true");
    let active = flag(&query.active);
    let mut found = plans::all(&state.store).await?;
    found.retain(|plan| match active {
        Some(active) if is_admin => plan.is_active == active,
        None if is_admin => true,
        _ => plan.is_active,
    });
    let sort_by = query.sort_by.unwrap_or_else(|| "priority".into());
    let sort_order = query.sort_order.unwrap_or_else(|| "desc".into());
    sort(&mut found, &sort_by, sort_order == "desc");
    let told = |flag: Option<bool>| flag.map_or_else(|| "all".into(), Value::from);
    let filters = Filters { active: told(active), premium: told(flag(&query.premium)), sort_by, sort_order };
    let plans: Vec<ListedPlan> = found.into_iter().map(ListedPlan::from).collect();
    Ok(envelope("Plans", PlanList { total: plans.len(), plans, filters }))
}

/// Sorts by a field; the cheaper of equals comes first, whatever the direction.
fn sort(plans: &mut [Plan], by: &str, down: bool) {
    plans.sort_by(|a, b| {
        let order = match by {
            "price" => a.price.as_f64().total_cmp(&b.price.as_f64()),
            "duration" => a.duration.as_f64().total_cmp(&b.duration.as_f64()),
            "name" => a.name.cmp(&b.name),
            "createdAt" => a.created_at.cmp(&b.created_at),
            _ => a.priority.as_f64().total_cmp(&b.priority.as_f64()),
        };
        let order = if down { order.reverse() } else { order };
        order.then_with(|| a.price.as_f64().total_cmp(&b.price.as_f64())).then_with(|| a.id.cmp(&b.id))
    });
}

/// One plan.
#[utoipa::path(get, path = "/plans/{id}", tag = "plans", params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<PlanDetail>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(State(state): State<Shared>, IdPath(id): IdPath) -> ApiResult<Json<Envelope<PlanDetail>>> {
    let plan = plans::by_id(&state.store, id).await?.ok_or(NO_PLAN)?;
    let (created_at, updated_at) = (plan.created_at, plan.updated_at);
    Ok(envelope("The plan", PlanDetail { plan: plan.into(), created_at, updated_at }))
}

/// A plan on offer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    price: Num,
    duration: Num,
    duration_type: String,
    features: Vec<PlanFeature>,
    is_popular: bool,
}

/// What is sold, cheapest first.
#[utoipa::path(get, path = "/transactions/plans", tag = "payments", responses(
    (status = 200, body = DataOnly<Vec<Offer>>),
))]
#[worker::send]
pub async fn offers(State(state): State<Shared>) -> ApiResult<Json<DataOnly<Vec<Offer>>>> {
    let mut found = plans::all(&state.store).await?;
    found.retain(is_for_sale);
    sort(&mut found, "price", false);
    let offer = |plan: Plan| Offer {
        id: plan.id,
        name: plan.name,
        description: plan.description,
        price: plan.price,
        duration: plan.duration,
        duration_type: plan.duration_type,
        features: plan.features,
        is_popular: plan.is_popular,
    };
    Ok(data(found.into_iter().map(offer).collect()))
}
