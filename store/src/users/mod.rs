//! The `users` collection.

mod admin;
mod documents;
mod reset;
mod statistics;
mod subscribers;

use domain::{Id, Timestamp, accounts::Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use admin::*;
use documents::or_student;
pub use documents::{
    Account, AccountStudent, AdminInfo, Credentials, GameScore, NewUser, RankedStudent, StudentInfo,
    TeacherInfo, User,
};
pub use reset::{account_of_reset, finish_reset, start_reset};
pub use statistics::*;
pub use subscribers::*;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, date, oid, or_default, put},
    regions,
};

const COLLECTION: &str = "users";

fn user_fields() -> Value {
    json!({ "password": 0, "passwordReset": 0 })
}

fn account_fields() -> Value {
    json!({ "name": 1, "profilePicture": 1, "role": 1, "isActive": 1, "region": 1, "studentInfo.educationLevel": 1,
        "studentInfo.planExpiryDate": 1,
        "studentInfo.currentPlan": 1, "createdAt": 1, "tokenVersion": 1, "revokedTokens": 1 })
}

/// What every request must know of its account.
pub async fn account(store: &Store, id: Id) -> Result<Option<Account>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), account_fields()).await
}

/// Those of these accounts that exist.
pub async fn accounts(store: &Store, ids: &[Id]) -> Result<Vec<Account>, StoreError> {
    let among: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "projection": account_fields(), "limit": ids.len().max(1) });
    store.find(COLLECTION, json!({ "_id": { "$in": among } }), rest).await
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
    store.insert_one(COLLECTION, new.document()).await
}

/// As [`insert`], by an administrator.
pub async fn create(store: &Store, new: &NewUser, entry: &Entry) -> Result<(), StoreError> {
    let step = json!({ "action": "insertOne", "collection": COLLECTION, "document": new.document() });
    store.audited(step, entry).await.map(drop)
}

impl NewUser {
    fn document(&self) -> Value {
        let now = date(self.now);
        let mut document = json!({
            "_id": oid(self.id),
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "password": self.password,
            "profilePicture": null,
            "role": self.role,
            "isActive": true,
            "isEmailVerified": false,
            "isPhoneVerified": false,
            "studentInfo": { "learningGoals": [], "totalSessions": 0, "averageGameScore": 0, "totalGamesPlayed": 0,
                "totalLecturesWatched": 0, "totalWatchTime": 0 },
            "teacherInfo": { "experience": 0, "specialization": [], "hourlyRate": 0, "totalStudents": 0,
                "totalEarnings": 0, "totalReferrals": 0, "isApproved": self.role == Role::Teacher },
            "adminInfo": { "permissions": [] },
            "region": oid(self.region),
            "referredBy": self.referred_by.map(oid),
            "referralDiscountApplied": false,
            "sessions": [],
            "transactions": [],
            "gameScores": [],
            "lastActive": now,
            "createdAt": now,
            "updatedAt": now,
            "__v": 0,
        });
        if let Some(code) = &self.referral_code {
            put(&mut document, "teacherInfo.referralCode", json!(code));
        }
        for (path, value) in &self.more {
            put(&mut document, path, value.clone());
        }
        document
    }
}

/// Moves an account to the default region if its own is gone. Called after every write of a region: one that was deleted
/// between the check and the write must not keep anybody.
pub async fn settle(store: &Store, id: Id, region: Id, now: Timestamp) -> Result<(), StoreError> {
    if regions::by_id(store, region).await?.is_some() {
        return Ok(());
    }
    let default = regions::default_region(store, now).await?;
    let filter = json!({ "_id": oid(id), "region": oid(region) });
    store.update_one(COLLECTION, filter, json!({ "$set": { "region": oid(default) } }), false).await.map(drop)
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

/// Replaces a hash by another one of the same password, if it is still in place.
pub async fn rehash(store: &Store, id: Id, old_hash: &str, new_hash: &str) -> Result<(), StoreError> {
    let filter = json!({ "_id": oid(id), "password": old_hash });
    store.update_one(COLLECTION, filter, json!({ "$set": { "password": new_hash } }), false).await.map(drop)
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

/// The active, approved teacher with this code, or with it as an earlier one: printed codes stay good.
pub async fn teacher_by_code(store: &Store, code: &str) -> Result<Option<UserRef>, StoreError> {
    let filter = json!({ "role": "teacher", "isActive": true, "teacherInfo.isApproved": { "$ne": false }, "$or": [
        { "teacherInfo.referralCode": code }, { "teacherInfo.earlierCodes": code }] });
    store.find_one(COLLECTION, filter, json!({ "name": 1, "email": 1 })).await
}

/// Name and address of a user, if his account is active.
pub async fn active_reference(store: &Store, id: Id) -> Result<Option<UserRef>, StoreError> {
    store
        .find_one(COLLECTION, json!({ "_id": oid(id), "isActive": true }), json!({ "name": 1, "email": 1 }))
        .await
}

/// Name and address of each of these users.
pub async fn references(store: &Store, ids: &[Id]) -> Result<Vec<UserRef>, StoreError> {
    let ids: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "projection": { "name": 1, "email": 1 }, "limit": ids.len().max(1) });
    store.find(COLLECTION, json!({ "_id": { "$in": ids } }), rest).await
}

/// Ways to reach each of these users.
pub async fn contacts(store: &Store, ids: &[Id]) -> Result<Vec<UserContact>, StoreError> {
    let ids: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "projection": { "name": 1, "email": 1, "phone": 1, "role": 1, "isActive": 1 }, "limit": ids.len().max(1) });
    store.find(COLLECTION, json!({ "_id": { "$in": ids } }), rest).await
}

/// A user reduced to the ways to reach him.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserContact {
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
    /// What the account may do; not sent.
    #[serde(default = "Role::student", deserialize_with = "or_student", skip_serializing)]
    #[schema(ignore)]
    pub role: Role,
    /// May sign in; not sent.
    #[serde(default, deserialize_with = "or_default", skip_serializing)]
    #[schema(ignore)]
    pub is_active: bool,
}

/// The students whom a teacher referred, newest first.
pub async fn referred_by(store: &Store, teacher: Id, limit: u32) -> Result<Vec<ReferredUser>, StoreError> {
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": limit, "projection": referred_fields() });
    store.find(COLLECTION, json!({ "referredBy": oid(teacher) }), rest).await
}

/// These students, as [`referred_by`] has them.
pub async fn as_referred(store: &Store, ids: &[Id]) -> Result<Vec<ReferredUser>, StoreError> {
    let ids: Vec<Value> = ids.iter().copied().map(oid).collect();
    let rest = json!({ "limit": ids.len().max(1), "projection": referred_fields() });
    store.find(COLLECTION, json!({ "_id": { "$in": ids } }), rest).await
}

fn referred_fields() -> Value {
    json!({ "name": 1, "email": 1, "phone": 1, "role": 1, "region": 1, "isActive": 1, "createdAt": 1 })
}

/// One student of [`referred_by`].
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferredUser<Region = Option<Id>> {
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
    /// What the account may do.
    #[serde(default = "Role::student", deserialize_with = "or_student")]
    pub role: Role,
    /// Home region.
    pub region: Region,
    /// May sign in.
    #[serde(default, deserialize_with = "or_default")]
    pub is_active: bool,
    /// Registration.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
}

impl ReferredUser {
    /// The same student with his region.
    pub fn in_region<R>(self, region: R) -> ReferredUser<R> {
        ReferredUser {
            id: self.id,
            name: self.name,
            email: self.email,
            phone: self.phone,
            role: self.role,
            region,
            is_active: self.is_active,
            created_at: self.created_at,
        }
    }
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

/// A pipeline's expression of the role, as documents are read: one that says nothing known is a student's.
fn role_of_document() -> Value {
    let others = [Role::Teacher, Role::Admin].map(Role::as_str);
    json!({ "$cond": [{ "$in": ["$role", others] }, "$role", Role::Student.as_str()] })
}

/// Counts of active users by region and role; of one region, or of all.
pub async fn counts_by_region(store: &Store, region: Option<Id>) -> Result<Vec<RegionCount>, StoreError> {
    let wanted = region.map_or_else(
        || json!({ "isActive": true }),
        |region| json!({ "region": oid(region), "isActive": true }),
    );
    let pipeline = json!([
        { "$match": wanted },
        { "$group": { "_id": { "region": "$region", "role": role_of_document() }, "count": { "$sum": 1 },
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
