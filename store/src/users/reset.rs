//! Password resets: only the hash of a token is stored, and it works once.

use domain::{Id, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::COLLECTION;
use crate::{
    Store, StoreError,
    ejson::{date, oid},
};

/// Remembers the hash of a reset token for the active account with this folded address; an earlier token ends. `None`
/// when there is no such account. Answers whom to write to.
pub async fn start_reset(
    store: &Store,
    email: &str,
    token_hash: &str,
    expires: Timestamp,
) -> Result<Option<String>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        name: String,
    }
    let filter = json!({ "email": email, "isActive": true });
    let reset = json!({ "$set": { "passwordReset": { "hash": token_hash, "expiresAt": date(expires) } } });
    if store.update_one(COLLECTION, filter.clone(), reset, false).await?.matched() == 0 {
        return Ok(None);
    }
    let found = store.find_one::<Found>(COLLECTION, filter, json!({ "name": 1 })).await?;
    Ok(found.map(|found| found.name))
}

/// The account that this reset token opens. `None` when the token is unknown, used or too old, or its account closed.
pub async fn account_of_reset(
    store: &Store,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<Id>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
    }
    let filter = json!({ "passwordReset.hash": token_hash, "passwordReset.expiresAt": { "$gt": date(now) },
        "isActive": true });
    Ok(store.find_one::<Found>(COLLECTION, filter, json!({ "_id": 1 })).await?.map(|found| found.id))
}

/// Sets a new password, and ends the reset token and everything signed in. Says whether the token was still unused.
pub async fn finish_reset(
    store: &Store,
    id: Id,
    token_hash: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = json!({
        "$set": { "password": password_hash, "updatedAt": date(now), "revokedTokens": [] },
        "$unset": { "passwordReset": "" },
        "$inc": { "tokenVersion": 1 },
    });
    let filter = json!({ "_id": oid(id), "passwordReset.hash": token_hash });
    Ok(store.update_one(COLLECTION, filter, update, false).await?.matched() == 1)
}
