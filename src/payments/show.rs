//! How purchases are shown: plans and buyers by their documents, or by the copies that were kept when those are gone.

use std::collections::HashMap;

use domain::{Id, accounts::Role};
use serde::Serialize;
use store::{
    ejson::Num,
    plans::{Plan, PlanFeature},
    transactions::{Sold, Transaction},
    users,
};
use utoipa::ToSchema;

use crate::{http::error::ApiResult, state::AppState};

/// A plan inside a purchase.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownPlan {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    price: Num,
    duration: Num,
    duration_type: String,
    /// Where one purchase is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<Vec<PlanFeature>>,
}

impl ShownPlan {
    fn new(id: Id, plan: Option<&Plan>, sold: Option<&Sold>, features: bool) -> Option<Self> {
        let shown = |name: &str,
                     description: &Option<String>,
                     price: &Num,
                     length: (&Num, &str),
                     lines: &[PlanFeature]| Self {
            id,
            name: name.to_owned(),
            description: description.clone(),
            price: price.clone(),
            duration: length.0.clone(),
            duration_type: length.1.to_owned(),
            features: features.then(|| lines.to_vec()),
        };
        match (plan, sold) {
            (Some(plan), _) => Some(shown(
                &plan.name,
                &plan.description,
                &plan.price,
                (&plan.duration, &plan.duration_type),
                &plan.features,
            )),
            (None, Some(sold)) => Some(shown(
                &sold.name,
                &sold.description,
                &sold.price,
                (&sold.duration, &sold.duration_type),
                &sold.features,
            )),
            (None, None) => None,
        }
    }

    /// Stands for a plan of which nothing is left: the admin site does not expect null.
    fn missing(id: Id, price: Num) -> Self {
        Self {
            id,
            name: "Deleted plan".into(),
            description: None,
            price,
            duration: Num::default(),
            duration_type: "months".into(),
            features: None,
        }
    }
}

/// A buyer, as administrators and he himself see him.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShownBuyer {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    phone: String,
    /// For administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

/// A purchase of the caller.
pub type Own = Transaction<Id, Option<ShownPlan>>;
/// A purchase with its buyer.
pub type Detailed = Transaction<ShownBuyer, Option<ShownPlan>>;

/// Purchases with their plans.
pub async fn with_plans(state: &AppState, found: Vec<Transaction>, features: bool) -> ApiResult<Vec<Own>> {
    let plans = state.plans(found.iter().map(|purchase| purchase.plan)).await?;
    let shown = |mut purchase: Transaction| {
        purchase.expires_at = purchase.subscription_end_date;
        let plan = ShownPlan::new(purchase.plan, plans.get(&purchase.plan), purchase.sold.as_ref(), features);
        let user = purchase.user;
        purchase.linked(user, plan)
    };
    Ok(found.into_iter().map(shown).collect())
}

/// Purchases with their plans and buyers; neither is ever null.
pub async fn with_buyers(
    state: &AppState,
    found: Vec<Transaction>,
    features: bool,
    role: bool,
) -> ApiResult<Vec<Detailed>> {
    let plan_ids: Vec<Id> = found.iter().map(|purchase| purchase.plan).collect();
    let ids: Vec<Id> = found.iter().map(|purchase| purchase.user).collect();
    let buyers = if ids.is_empty() { Vec::new() } else { users::contacts(&state.store, &ids).await? };
    let buyers: HashMap<Id, users::UserContact> = buyers.into_iter().map(|user| (user.id, user)).collect();
    let found = with_plans(state, found, features).await?;
    let shown = |(purchase, plan): (Own, Id)| {
        let buyer = match (buyers.get(&purchase.user), &purchase.buyer) {
            (Some(user), _) => (user.name.clone(), user.email.clone(), user.phone.clone(), user.role),
            (None, Some(kept)) => (kept.name.clone(), kept.email.clone(), kept.phone.clone(), Role::Student),
            (None, None) => ("Deleted user".into(), String::new(), String::new(), Role::Student),
        };
        let buyer = ShownBuyer {
            id: purchase.user,
            name: buyer.0,
            email: buyer.1,
            phone: buyer.2,
            role: role.then_some(buyer.3),
        };
        let plan = purchase.plan.clone().unwrap_or_else(|| ShownPlan::missing(plan, purchase.amount.clone()));
        purchase.linked(buyer, Some(plan))
    };
    Ok(found.into_iter().zip(plan_ids).map(shown).collect())
}
