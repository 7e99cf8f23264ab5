//! Students by what they hold.

use domain::{Id, Timestamp, paging::Page};
use serde::Deserialize;
use serde_json::{Value, json};

use super::COLLECTION;
use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default},
};

/// A student with what he holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscriber {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Address.
    #[serde(default, deserialize_with = "or_default")]
    pub email: String,
    /// Number.
    #[serde(default, deserialize_with = "or_default")]
    pub phone: String,
    /// Plan and expiry.
    #[serde(default, deserialize_with = "or_default")]
    pub student_info: crate::purchases::HeldPlan,
    /// When he called it off.
    pub subscription_cancelled_at: Option<Timestamp>,
}

/// A page of students by the state of their subscription, and the count of all matches; a text that is no state matches
/// nobody.
pub async fn subscribers(
    store: &Store,
    status: Option<&str>,
    plan: Option<Id>,
    page: Page,
    now: Timestamp,
) -> Result<(Vec<Subscriber>, u64), StoreError> {
    let mut filter = json!({ "role": "student" });
    let expiry = "studentInfo.planExpiryDate";
    if let Some(filter) = filter.as_object_mut() {
        match status {
            None => {}
            Some("active") => drop(filter.insert(expiry.into(), json!({ "$gt": date(now) }))),
            Some("expired") => drop(filter.insert(expiry.into(), json!({ "$lte": date(now) }))),
            Some("inactive") => drop(filter.insert(expiry.into(), Value::Null)),
            Some("cancelled") => {
                filter.insert("subscriptionCancelledAt".into(), json!({ "$exists": true }));
            }
            Some(_) => return Ok((Vec::new(), 0)),
        }
        filter.extend(plan.map(|plan| ("studentInfo.currentPlan".to_owned(), oid(plan))));
    }
    let fields = json!({ "name": 1, "email": 1, "phone": 1, "studentInfo.currentPlan": 1, expiry: 1,
        "subscriptionCancelledAt": 1 });
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "skip": page.offset(), "limit": page.limit,
        "projection": fields });
    futures_util::try_join!(
        store.find(COLLECTION, filter.clone(), rest),
        store.count(COLLECTION, filter.clone())
    )
}

/// Counts of subscriptions.
#[derive(Debug, Default)]
pub struct SubscriptionTotals {
    /// Running.
    pub active: Num,
    /// Over.
    pub expired: Num,
    /// Running, but over soon.
    pub soon: Num,
    /// Running ones by plan, most first.
    pub by_plan: Vec<PlanCount>,
}

/// Subscribers of a plan.
#[derive(Debug, Deserialize)]
pub struct PlanCount {
    /// Plan id.
    #[serde(rename = "_id")]
    pub plan: Id,
    /// Students.
    pub count: Num,
}

/// [`SubscriptionTotals`] of all students, in one aggregation.
pub async fn subscription_totals(
    store: &Store,
    now: Timestamp,
    soon: Timestamp,
) -> Result<SubscriptionTotals, StoreError> {
    #[derive(Deserialize)]
    struct Sums {
        active: Num,
        expired: Num,
        soon: Num,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Found {
        sums: Vec<Sums>,
        by_plan: Vec<PlanCount>,
    }
    let expiry = "$studentInfo.planExpiryDate";
    let runs = json!({ "$gt": [expiry, date(now)] });
    let ends = json!({ "$and": [runs, { "$lte": [expiry, date(soon)] }] });
    let one_if = |condition: &Value| json!({ "$sum": { "$cond": [condition, 1, 0] } });
    let pipeline = json!([
        { "$match": { "studentInfo.planExpiryDate": { "$gt": date(Timestamp::from_millis(0)) }, "role": "student" } },
        { "$facet": {
            "sums": [{ "$group": { "_id": null, "active": one_if(&runs), "soon": one_if(&ends),
                "expired": { "$sum": { "$cond": [runs, 0, 1] } } } }],
            "byPlan": [
                { "$match": { "studentInfo.planExpiryDate": { "$gt": date(now) }, "studentInfo.currentPlan": { "$type": "objectId" } } },
                { "$group": { "_id": "$studentInfo.currentPlan", "count": { "$sum": 1 } } },
                { "$sort": { "count": -1, "_id": 1 } },
            ],
        } },
    ]);
    let mut found: Found = store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default();
    let Some(Sums { active, expired, soon }) = found.sums.pop() else {
        return Ok(SubscriptionTotals::default());
    };
    Ok(SubscriptionTotals { active, expired, soon, by_plan: found.by_plan })
}
