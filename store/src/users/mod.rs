//! The `users` collection.

mod documents;

use domain::{Id, Timestamp, accounts::Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use documents::{
    Account, AccountStudent, AdminInfo, Credentials, GameScore, NewUser, RankedStudent, StudentInfo,
    TeacherInfo, User,
};

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid},
};

const COLLECTION: &str = "users";

fn user_fields() -> Value {
    json!({ "password": 0, "resetPasswordToken": 0, "resetPasswordExpires": 0 })
}

fn account_fields() -> Value {
    json!({ "name": 1, "profilePicture": 1, "role": 1, "isActive": 1, "region": 1, "studentInfo.educationLevel": 1,
        "studentInfo.planExpiryDate": 1, "createdAt": 1, "tokenVersion": 1, "revokedTokens": 1 })
}

/// What every request must know of its account.
pub async fn account(store: &Store, id: Id) -> Result<Option<Account>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), account_fields()).await
}

/// The whole user. The region of an old document may be missing.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<User<Option<Id>>>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), user_fields()).await
}

/// What proves the password of the account with this folded address.
pub async fn credentials_by_email(store: &Store, email: &str) -> Result<Option<Credentials>, StoreError> {
    store.find_one(COLLECTION, json!({ "email": email }), credential_fields()).await
}

/// What proves the password of an account.
pub async fn credentials(store: &Store, id: Id) -> Result<Option<Credentials>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), credential_fields()).await
}

fn credential_fields() -> Value {
    json!({ "password": 1, "role": 1, "isActive": 1, "tokenVersion": 1 })
}

/// Name and address of a teacher.
pub async fn referrer(store: &Store, id: Id) -> Result<Option<UserRef>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({ "name": 1, "email": 1 })).await
}

/// A user reduced to name and address.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct UserRef {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default)]
    pub name: String,
    /// Address.
    #[serde(default)]
    pub email: String,
}

/// Adds an account. A taken address, number or teacher code is a [`StoreError::Duplicate`].
pub async fn insert(store: &Store, new: &NewUser) -> Result<(), StoreError> {
    let now = date(new.now);
    let mut teacher = json!({ "experience": 0, "specialization": [], "hourlyRate": 0, "totalStudents": 0,
        "totalEarnings": 0, "totalReferrals": 0, "isApproved": new.role == Role::Teacher });
    if let (Some(code), Some(fields)) = (&new.referral_code, teacher.as_object_mut()) {
        fields.insert("referralCode".into(), json!(code));
    }
    let document = json!({
        "_id": oid(new.id),
        "name": new.name,
        "email": new.email,
        "phone": new.phone,
        "password": new.password,
        "profilePicture": null,
        "role": new.role,
        "isActive": true,
        "isEmailVerified": false,
        "isPhoneVerified": false,
        "studentInfo": { "learningGoals": [], "totalSessions": 0, "averageGameScore": 0, "totalGamesPlayed": 0,
            "totalLecturesWatched": 0, "totalWatchTime": 0 },
        "teacherInfo": teacher,
        "adminInfo": { "permissions": [] },
        "region": oid(new.region),
        "referredBy": new.referred_by.map(oid),
        "referralDiscountApplied": false,
        "sessions": [],
        "transactions": [],
        "gameScores": [],
        "lastActive": now,
        "createdAt": now,
        "updatedAt": now,
        "__v": 0,
    });
    store.insert_one(COLLECTION, document).await
}

/// Notes a sign-in and reads the user; `admin` also notes the sign-in to the admin site.
pub async fn signed_in(
    store: &Store,
    id: Id,
    admin: bool,
    now: Timestamp,
) -> Result<Option<User<Option<Id>>>, StoreError> {
    let mut fields = json!({ "lastActive": date(now) });
    if let (true, Some(fields)) = (admin, fields.as_object_mut()) {
        fields.insert("adminInfo.lastLogin".into(), date(now));
    }
    let filter = json!({ "_id": oid(id) });
    store.update_one(COLLECTION, filter, json!({ "$set": fields }), false).await?;
    by_id(store, id).await
}

/// Notes a sign-out, and that the token with this id is over. The newest 500 are kept: more than anybody signs
/// out of in the week that a token lives.
pub async fn signed_out(
    store: &Store,
    id: Id,
    token: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut update = json!({ "$set": { "lastActive": date(now) } });
    if let (Some(token), Some(update)) = (token, update.as_object_mut()) {
        update.insert("$push".into(), json!({ "revokedTokens": { "$each": [token], "$slice": -500 } }));
    }
    store.update_one(COLLECTION, json!({ "_id": oid(id) }), update, false).await.map(drop)
}

/// Sets a new password if the old hash is still in place, and ends all tokens. Says whether it did.
pub async fn change_password(
    store: &Store,
    id: Id,
    old_hash: &str,
    new_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = json!({
        "$set": { "password": new_hash, "updatedAt": date(now), "revokedTokens": [] },
        "$inc": { "tokenVersion": 1 },
    });
    let filter = json!({ "_id": oid(id), "password": old_hash });
    Ok(store.update_one(COLLECTION, filter, update, false).await?.matched() == 1)
}

/// The teacher with this code.
pub async fn teacher_by_code(store: &Store, code: &str) -> Result<Option<Id>, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
    }
    let filter = json!({ "teacherInfo.referralCode": code, "role": "teacher", "isActive": true });
    Ok(store.find_one::<Found>(COLLECTION, filter, json!({ "_id": 1 })).await?.map(|found| found.id))
}

/// A page of the active students of a region, by id; `after` is the last id of the page before.
pub async fn students_of_region(
    store: &Store,
    region: Id,
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<RankedStudent>, StoreError> {
    let mut filter = json!({ "region": oid(region), "role": "student", "isActive": true });
    if let (Some(after), Some(filter)) = (after, filter.as_object_mut()) {
        filter.insert("_id".into(), json!({ "$gt": oid(after) }));
    }
    let rest = json!({ "sort": { "_id": 1 }, "limit": limit, "projection": { "name": 1, "profilePicture": 1, "createdAt": 1 } });
    store.find(COLLECTION, filter, rest).await
}

/// Counts of active users by region and role.
pub async fn counts_by_region(store: &Store) -> Result<Vec<RegionCount>, StoreError> {
    let pipeline = json!([
        { "$match": { "isActive": true } },
        { "$group": { "_id": { "region": "$region", "role": "$role" }, "count": { "$sum": 1 },
            "score": { "$avg": "$studentInfo.averageGameScore" } } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}

/// One line of [`counts_by_region`].
#[derive(Debug, Clone, Deserialize)]
pub struct RegionCount {
    /// Region and role.
    #[serde(rename = "_id")]
    pub key: RegionRole,
    /// Users.
    pub count: Num,
    /// Mean of their average game scores.
    #[serde(default)]
    pub score: Num,
}

/// What [`counts_by_region`] groups by.
#[derive(Debug, Clone, Deserialize)]
pub struct RegionRole {
    /// Region.
    pub region: Option<Id>,
    /// Role.
    pub role: Option<Role>,
}
