//! A learner's access to features.

use axum::{Json, extract::State};
use domain::subscription::{Holder, Refusal, Tier, gate};
use futures_util::try_join;
use serde::Serialize;
use store::{
    ejson::Num,
    features::{self, Feature},
};
use utoipa::ToSchema;

use crate::{
    http::{
        body::{DataOnly, MessageOnly, data, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, TextPath},
    },
    state::Shared,
};

pub(super) const NO_FEATURE: ApiError = ApiError::NotFound("There is no such feature");

/// A feature, and whether the caller may use it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureAccess {
    key: String,
    name: String,
    category: String,
    can_access: bool,
    is_paid: bool,
    is_active: bool,
    required_plan: Tier,
    free_limit: Num,
    free_limit_type: String,
    /// `disabled`, `paid` or `free`.
    status: &'static str,
    /// Null when access is granted.
    reason: Option<&'static str>,
}

/// The caller's plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPlan {
    status: &'static str,
    plan_name: Tier,
}

/// All active features.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureList {
    features: Vec<FeatureAccess>,
    user_plan: Option<UserPlan>,
}

fn access_of(feature: &Feature, holder: Holder) -> FeatureAccess {
    let refusal = gate(Some(feature.rule()), holder, durable::now()).err();
    FeatureAccess {
        key: feature.key.clone(),
        name: feature.name.clone(),
        category: feature.category.clone(),
        can_access: refusal.is_none(),
        is_paid: feature.is_paid,
        is_active: feature.is_active,
        required_plan: feature.required_plan,
        free_limit: feature.free_limit.clone(),
        free_limit_type: feature.free_limit_type.clone(),
        status: match (feature.is_active, feature.is_paid) {
            (false, _) => "disabled",
            (true, true) => "paid",
            (true, false) => "free",
        },
        reason: refusal.map(|refusal| match refusal {
            Refusal::Unavailable => "feature_disabled",
            // The app knows two reasons; for a larger plan it leads to the plans as well.
            Refusal::SubscriptionRequired | Refusal::UpgradeRequired => "subscription_required",
        }),
    }
}

/// All active features, with the caller's access.
#[utoipa::path(get, path = "/features/user", tag = "features", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<FeatureList>),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn list(State(state): State<Shared>, user: AuthUser) -> ApiResult<Json<DataOnly<FeatureList>>> {
    let (features, holder) = try_join!(state.features(), state.holder(&user.account))?;
    let active = features.iter().filter(|feature| feature.is_active);
    let runs = holder.plan_expiry.is_some_and(|expiry| expiry > durable::now());
    Ok(data(FeatureList {
        features: active.map(|feature| access_of(feature, holder)).collect(),
        user_plan: runs.then_some(UserPlan { status: "active", plan_name: holder.tier }),
    }))
}

/// The caller's access to one feature.
#[utoipa::path(get, path = "/features/user/{featureKey}/access", tag = "features", security(("bearer" = [])),
    params(("featureKey" = String, Path, description = "Key of the feature")), responses(
    (status = 200, body = DataOnly<FeatureAccess>),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn access(
    State(state): State<Shared>,
    TextPath(key): TextPath,
    user: AuthUser,
) -> ApiResult<Json<DataOnly<FeatureAccess>>> {
    let key = key.trim().to_lowercase();
    let (feature, holder) = try_join!(state.feature(&key), state.holder(&user.account))?;
    Ok(data(access_of(&feature.ok_or(NO_FEATURE)?, holder)))
}

/// Count one use. Of somebody without access, and of a feature that is off, nothing is counted.
#[utoipa::path(post, path = "/features/user/{featureKey}/usage", tag = "features", security(("bearer" = [])),
    params(("featureKey" = String, Path, description = "Key of the feature")), responses(
    (status = 200, body = MessageOnly),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn record_usage(
    State(state): State<Shared>,
    TextPath(key): TextPath,
    user: AuthUser,
) -> ApiResult<Json<MessageOnly>> {
    let key = key.trim().to_lowercase();
    let (feature, holder) = try_join!(state.feature(&key), state.holder(&user.account))?;
    let feature = feature.ok_or(NO_FEATURE)?;
    if gate(Some(feature.rule()), holder, durable::now()).is_ok() {
        features::count_use(&state.store, &feature.key, durable::now()).await?;
    }
    Ok(message("Noted"))
}
