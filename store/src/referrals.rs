//! The `referrals` collection.

use domain::{Id, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{Store, StoreError, ejson::Num};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    teacher: Id,
    #[serde(default)]
    total_uses: Num,
    max_uses: Option<Num>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
}

/// The teacher behind a code that may be used now: active, approved, within its dates and its number of uses.
pub async fn teacher_of_valid(store: &Store, code: &str, now: Timestamp) -> Result<Option<Id>, StoreError> {
    let filter = json!({ "referralCode": code, "isActive": true, "isApproved": true });
    let fields = json!({ "teacher": 1, "totalUses": 1, "maxUses": 1, "validFrom": 1, "validUntil": 1 });
    let found = store.find_one::<Document>("referrals", filter, fields).await?;
    Ok(found
        .filter(|code| {
            let most = code.max_uses.as_ref().map_or(-1, Num::as_i64);
            (most < 0 || code.total_uses.as_i64() < most)
                && code.valid_from.is_none_or(|from| from <= now)
                && code.valid_until.is_none_or(|until| now <= until)
        })
        .map(|code| code.teacher))
}
