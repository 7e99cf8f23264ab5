//! Figures about referral codes, in one aggregation.

use std::collections::BTreeMap;

use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{COLLECTION, Wanted};
use crate::{
    Store, StoreError,
    ejson::{Num, or_yes, yes},
    users::UserRef,
};

/// Lines in "most used".
const TOP: u32 = 10;

/// Figures about codes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// By teacher, most used first.
    pub referral_stats: Vec<TeacherStatistics>,
    /// Most used first.
    pub top_referrals: Vec<TopReferral>,
    made: Vec<MonthCount>,
    used: Vec<MonthCount>,
}

#[derive(Debug, Deserialize)]
struct MonthCount {
    #[serde(rename = "_id")]
    month: Month,
    count: Num,
}

impl Statistics {
    /// Codes made and uses, by month, oldest first.
    #[must_use]
    pub fn usage_over_time(&self) -> Vec<MonthOfUse> {
        let mut months: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
        let at = |count: &MonthCount| (count.month.year.as_i64(), count.month.month.as_i64());
        for count in &self.made {
            months.entry(at(count)).or_default().0 += count.count.as_i64();
        }
        for count in &self.used {
            months.entry(at(count)).or_default().1 += count.count.as_i64();
        }
        let line = |((year, month), (made, used)): ((i64, i64), (i64, i64))| MonthOfUse {
            month: Month { year: year.into(), month: month.into() },
            new_referrals: made.into(),
            total_uses: used.into(),
        };
        months.into_iter().map(line).collect()
    }
}

/// The codes of one teacher.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeacherStatistics {
    /// The teacher.
    #[serde(rename = "_id")]
    pub id: Id,
    /// By state.
    pub statuses: Vec<StateStatistics>,
    /// Codes.
    pub total_referrals: Num,
    /// Uses.
    pub total_uses: Num,
    /// How to reach him.
    pub teacher_details: crate::users::UserContact,
}

/// The codes of one teacher in one state.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateStatistics {
    /// Switched on.
    pub is_active: bool,
    /// Codes.
    pub count: Num,
    /// Uses.
    pub total_uses: Num,
    /// Mean percentage.
    pub avg_discount: Option<Num>,
}

/// One of the most used codes.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopReferral {
    /// Id of the code's document.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Whose it is; null when he is gone.
    pub teacher: Option<UserRef>,
    /// The code.
    #[serde(default)]
    pub referral_code: String,
    /// Percent off.
    #[serde(default)]
    pub discount_percentage: Num,
    /// Uses.
    #[serde(default)]
    pub total_uses: Num,
    /// Switched on.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Creation.
    #[serde(default)]
    pub created_at: Timestamp,
}

/// One month.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthOfUse {
    /// Which.
    #[serde(rename = "_id")]
    pub month: Month,
    /// Codes made in it.
    pub new_referrals: Num,
    /// Uses in it.
    pub total_uses: Num,
}

/// A month of a year, UTC.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Month {
    /// For example 2026.
    pub year: Num,
    /// 1 to 12.
    pub month: Num,
}

/// All figures about the matching codes, in one aggregation.
pub async fn statistics(store: &Store, wanted: &Wanted) -> Result<Statistics, StoreError> {
    let month_of = |field: &str| json!({ "year": { "$year": field }, "month": { "$month": field } });
    let sums = json!({ "count": { "$sum": 1 }, "uses": { "$sum": "$totalUses" }, "avg": { "$avg": "$discountPercentage" } });
    let mut by_state =
        json!({ "_id": { "teacher": "$teacher", "isActive": { "$ne": ["$isActive", false] } } });
    if let (Some(group), Value::Object(sums)) = (by_state.as_object_mut(), sums) {
        group.extend(sums);
    }
    let teacher = json!({ "$lookup": { "from": "users", "localField": "_id", "foreignField": "_id", "as": "teacherDetails",
        "pipeline": [{ "$project": { "name": 1, "email": 1, "phone": 1 } }] } });
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$facet": {
            "referralStats": [
                { "$group": by_state },
                { "$sort": { "_id.isActive": -1 } },
                { "$group": { "_id": "$_id.teacher", "totalReferrals": { "$sum": "$count" }, "totalUses": { "$sum": "$uses" },
                    "statuses": { "$push": { "isActive": "$_id.isActive", "count": "$count", "totalUses": "$uses",
                        "avgDiscount": "$avg" } } } },
                teacher,
                { "$unwind": "$teacherDetails" },
                { "$sort": { "totalUses": -1, "_id": 1 } },
                { "$limit": 100 },
            ],
            "topReferrals": [
                { "$sort": { "totalUses": -1, "createdAt": -1 } },
                { "$limit": TOP },
                { "$lookup": { "from": "users", "localField": "teacher", "foreignField": "_id", "as": "teacher",
                    "pipeline": [{ "$project": { "name": 1, "email": 1 } }] } },
                { "$unwind": { "path": "$teacher", "preserveNullAndEmptyArrays": true } },
                { "$project": { "teacher": 1, "referralCode": 1, "discountPercentage": 1, "totalUses": 1, "isActive": 1,
                    "createdAt": 1 } },
            ],
            "made": [{ "$group": { "_id": month_of("$createdAt"), "count": { "$sum": 1 } } }],
            "used": [{ "$unwind": "$usedBy" }, { "$group": { "_id": month_of("$usedBy.usedAt"), "count": { "$sum": 1 } } }],
        } },
    ]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default())
}
