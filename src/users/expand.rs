//! Follows the links of users: region, referrer, plan.

use std::collections::HashMap;

use domain::{Id, Timestamp, subscription};
use futures_util::try_join;
use serde::Serialize;
use store::{
    StoreError,
    plans::{Plan, PlanRef},
    regions::Region,
    users::{self, User, UserRef},
};
use utoipa::ToSchema;

use crate::state::AppState;

/// A region, reduced to what is shown inside a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegionRef {
    /// Region id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Upper-case short name.
    pub code: String,
}

impl From<&Region> for RegionRef {
    fn from(region: &Region) -> Self {
        Self { id: region.id, name: region.name.clone(), code: region.code.clone() }
    }
}

impl RegionRef {
    /// Stands for a region that is gone, where clients do not expect null.
    pub fn missing(id: Id) -> Self {
        Self { id, name: "Unknown region".into(), code: String::new() }
    }
}

/// A user as stored, whose region may be missing in an old document.
pub type Stored = User<Option<Id>>;
/// A user with region, referrer and plan expanded; a link to nothing is null.
pub type Expanded<Plan = PlanRef> = User<Option<RegionRef>, UserRef, Option<Plan>>;

/// Expands a user.
pub async fn expand<P: for<'a> From<&'a Plan>>(
    state: &AppState,
    user: Stored,
    now: Timestamp,
) -> Result<Option<Expanded<P>>, StoreError> {
    Ok(expand_all(state, vec![user], now).await?.pop())
}

/// Expands users, with one look at each collection whatever their number.
pub async fn expand_all<P: for<'a> From<&'a Plan>>(
    state: &AppState,
    users: Vec<Stored>,
    now: Timestamp,
) -> Result<Vec<Expanded<P>>, StoreError> {
    let referrers = async {
        let ids: Vec<Id> = users.iter().filter_map(|user| user.referred_by).collect();
        if ids.is_empty() { Ok(Vec::new()) } else { users::references(&state.store, &ids).await }
    };
    let (regions, plans, referrers) = try_join!(
        state.regions(users.iter().filter_map(|user| user.region)),
        state.plans(users.iter().filter_map(|user| user.student_info.current_plan)),
        referrers,
    )?;
    let referrers: HashMap<Id, UserRef> = referrers.into_iter().map(|user| (user.id, user)).collect();
    let linked = |user: Stored| {
        let plan = user.student_info.current_plan.map(|id| plans.get(&id));
        let start = plan.flatten().zip(user.student_info.plan_expiry_date).and_then(|(plan, expiry)| {
            subscription::start(expiry, plan.duration.as_i64(), &plan.duration_type)
        });
        let region = user.region.and_then(|id| regions.get(&id)).map(RegionRef::from);
        let referrer = user.referred_by.and_then(|id| referrers.get(&id)).cloned();
        with_subscription(user.linked(region, referrer, plan.map(|plan| plan.map(P::from))), start, now)
    };
    Ok(users.into_iter().map(linked).collect())
}

/// Derives what the app reads of a subscription; the expiry is the only truth about it.
fn with_subscription<P>(mut user: Expanded<P>, start: Option<Timestamp>, now: Timestamp) -> Expanded<P> {
    let info = &mut user.student_info;
    if let Some(expiry) = info.plan_expiry_date {
        info.subscription_status = Some(if expiry > now { "active" } else { "expired" });
        info.subscription_expiry = Some(expiry);
        info.subscription_start_date = start;
    }
    user
}
