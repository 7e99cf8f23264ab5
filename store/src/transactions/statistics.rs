//! Figures about purchases, in one aggregation.

use domain::Id;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{COLLECTION, Wanted};
use crate::{Store, StoreError, ejson::Num};

/// Figures of a period.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Counts by status.
    pub by_status: Vec<StatusCount>,
    /// Sums of the finished ones; none when there are none.
    pub sums: Vec<Sums>,
    /// Plans with most finished purchases first.
    pub top_plans: Vec<TopPlan>,
    /// Codes that teachers were credited for, most used first.
    pub codes: Vec<CodeUse>,
}

/// Purchases in one state.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct StatusCount {
    /// The state.
    #[serde(rename = "_id")]
    pub status: String,
    /// Purchases.
    pub count: Num,
}

/// Sums of finished purchases.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Sums {
    /// Rupees paid.
    pub revenue: Num,
    /// Rupees off.
    pub discount: Num,
}

/// A plan that is bought.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopPlan {
    /// Plan id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Finished purchases.
    pub transaction_count: Num,
    /// Rupees paid.
    pub total_revenue: Num,
    /// The plan.
    pub plan_details: crate::plans::Plan,
}

/// A code that was used.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeUse {
    /// The code, in upper case.
    #[serde(rename = "_id")]
    pub code: String,
    /// Finished purchases.
    pub usage_count: Num,
    /// Rupees off.
    pub total_discount: Num,
}

/// All figures of the matching purchases, in one aggregation.
pub async fn statistics(store: &Store, wanted: &Wanted) -> Result<Statistics, StoreError> {
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$facet": {
            "byStatus": [{ "$group": { "_id": "$status", "count": { "$sum": 1 } } }, { "$sort": { "_id": 1 } }],
            "sums": [
                { "$match": { "status": "completed" } },
                { "$group": { "_id": null, "revenue": { "$sum": "$finalAmount" }, "discount": { "$sum": "$discountAmount" } } },
            ],
            "topPlans": [
                { "$match": { "status": "completed" } },
                { "$group": { "_id": "$plan", "transactionCount": { "$sum": 1 }, "totalRevenue": { "$sum": "$finalAmount" } } },
                { "$sort": { "transactionCount": -1, "totalRevenue": -1, "_id": 1 } },
                { "$lookup": { "from": "plans", "localField": "_id", "foreignField": "_id", "as": "planDetails" } },
                { "$unwind": "$planDetails" },
                { "$limit": 5 },
            ],
            "codes": [
                { "$match": { "status": "completed", "referralCode": { "$type": "string" }, "referredBy": { "$type": "objectId" } } },
                { "$group": { "_id": { "$toUpper": "$referralCode" }, "usageCount": { "$sum": 1 },
                    "totalDiscount": { "$sum": "$discountAmount" } } },
                { "$sort": { "usageCount": -1, "_id": 1 } },
                { "$limit": 10 },
            ],
        } },
    ]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default())
}
