//! How users look in the database, and on the wire.

use domain::{Id, Timestamp, accounts::Role};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::ejson::{Num, or_default, or_yes, yes};

/// A user as sent to clients. It has no place for a password hash, so none can ever be sent.
///
/// Linked documents are ids, or expanded where an operation says so.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct User<Region = Id, Referrer = Id, Plan = Id> {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Folded address.
    #[serde(default, deserialize_with = "or_default")]
    pub email: String,
    /// Digits, with an optional leading plus.
    #[serde(default, deserialize_with = "or_default")]
    pub phone: String,
    /// Picture address.
    pub profile_picture: Option<String>,
    /// What the account may do.
    #[serde(default = "Role::student", deserialize_with = "or_student")]
    pub role: Role,
    /// May sign in.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Never verified so far.
    #[serde(default, deserialize_with = "or_default")]
    pub is_email_verified: bool,
    /// Never verified so far.
    #[serde(default, deserialize_with = "or_default")]
    pub is_phone_verified: bool,
    /// Present whatever the role.
    #[serde(default = "StudentInfo::empty", bound(deserialize = "Plan: Deserialize<'de>"))]
    pub student_info: StudentInfo<Plan>,
    /// Present whatever the role.
    #[serde(default, deserialize_with = "or_default")]
    pub teacher_info: TeacherInfo,
    /// Present whatever the role.
    #[serde(default, deserialize_with = "or_default")]
    pub admin_info: AdminInfo,
    /// Home region.
    pub region: Region,
    /// The teacher who referred this student.
    pub referred_by: Option<Referrer>,
    /// Unused.
    #[serde(default, deserialize_with = "or_default")]
    pub referral_discount_applied: bool,
    /// Unused.
    #[serde(default, deserialize_with = "or_default")]
    pub sessions: Vec<Id>,
    /// Unused.
    #[serde(default, deserialize_with = "or_default")]
    pub transactions: Vec<Id>,
    /// Results of games.
    #[serde(default, deserialize_with = "or_default")]
    pub game_scores: Vec<GameScore>,
    /// Last sign-in or sign-out.
    #[serde(default = "now")]
    pub last_active: Timestamp,
    /// Registration.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default, deserialize_with = "or_default")]
    pub updated_at: Timestamp,
    /// Version counter of the old server.
    #[serde(rename = "__v", default)]
    pub version: Num,
    /// Of teachers in the list of users: count of the students they referred.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub total_referrals: Option<i64>,
    /// Of teachers in the list of users: those of them whose account is active.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub active_referrals: Option<i64>,
    /// As in [`Account`]; never sent.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub token_version: Num,
    /// As in [`Account`]; never sent.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub revoked_tokens: Vec<String>,
}

impl<Region, Referrer, Plan> User<Region, Referrer, Plan> {
    /// The same user with other linked documents.
    pub fn linked<R, F, P>(self, region: R, referred_by: Option<F>, plan: Option<P>) -> User<R, F, P> {
        let info = self.student_info;
        User {
            id: self.id,
            name: self.name,
            email: self.email,
            phone: self.phone,
            profile_picture: self.profile_picture,
            role: self.role,
            is_active: self.is_active,
            is_email_verified: self.is_email_verified,
            is_phone_verified: self.is_phone_verified,
            student_info: StudentInfo {
                current_plan: plan,
                age: info.age,
                education_level: info.education_level,
                preferred_learning_time: info.preferred_learning_time,
                learning_goals: info.learning_goals,
                plan_expiry_date: info.plan_expiry_date,
                subscription_status: info.subscription_status,
                subscription_start_date: info.subscription_start_date,
                subscription_expiry: info.subscription_expiry,
                total_sessions: info.total_sessions,
                average_game_score: info.average_game_score,
                total_games_played: info.total_games_played,
                total_lectures_watched: info.total_lectures_watched,
                total_watch_time: info.total_watch_time,
            },
            teacher_info: self.teacher_info,
            admin_info: self.admin_info,
            region,
            referred_by,
            referral_discount_applied: self.referral_discount_applied,
            sessions: self.sessions,
            transactions: self.transactions,
            game_scores: self.game_scores,
            last_active: self.last_active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
            total_referrals: self.total_referrals,
            active_referrals: self.active_referrals,
            token_version: self.token_version,
            revoked_tokens: self.revoked_tokens,
        }
    }
}

/// What concerns students.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudentInfo<Plan = Id> {
    /// Years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Num>,
    /// `beginner`, `intermediate` or `advanced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub education_level: Option<String>,
    /// `morning`, `afternoon`, `evening` or `night`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_learning_time: Option<String>,
    /// Free texts.
    #[serde(default, deserialize_with = "or_default")]
    pub learning_goals: Vec<String>,
    /// The plan last bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_plan: Option<Plan>,
    /// When the subscription ends; the only truth about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_expiry_date: Option<Timestamp>,
    /// Derived from the expiry: `active` or `expired`.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub subscription_status: Option<&'static str>,
    /// Derived from expiry and plan: when the subscription began.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub subscription_start_date: Option<Timestamp>,
    /// The expiry under the name that the app reads.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub subscription_expiry: Option<Timestamp>,
    /// Count of finished games.
    #[serde(default)]
    pub total_sessions: Num,
    /// Mean of all game scores.
    #[serde(default)]
    pub average_game_score: Num,
    /// Count of finished games.
    #[serde(default)]
    pub total_games_played: Num,
    /// Count of lectures.
    #[serde(default)]
    pub total_lectures_watched: Num,
    /// Minutes.
    #[serde(default)]
    pub total_watch_time: Num,
}

impl<Plan> StudentInfo<Plan> {
    fn empty() -> Self {
        Self {
            age: None,
            education_level: None,
            preferred_learning_time: None,
            learning_goals: Vec::new(),
            current_plan: None,
            plan_expiry_date: None,
            subscription_status: None,
            subscription_start_date: None,
            subscription_expiry: None,
            total_sessions: Num::default(),
            average_game_score: Num::default(),
            total_games_played: Num::default(),
            total_lectures_watched: Num::default(),
            total_watch_time: Num::default(),
        }
    }
}

/// What concerns teachers.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeacherInfo {
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualification: Option<String>,
    /// Years.
    #[serde(default)]
    pub experience: Num,
    /// Free texts.
    #[serde(default, deserialize_with = "or_default")]
    pub specialization: Vec<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// Rupees.
    #[serde(default)]
    pub hourly_rate: Num,
    /// Six digits; only teachers have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral_code: Option<String>,
    /// Count.
    #[serde(default)]
    pub total_students: Num,
    /// Rupees.
    #[serde(default)]
    pub total_earnings: Num,
    /// Count.
    #[serde(default)]
    pub total_referrals: Num,
    /// May teach.
    #[serde(default, deserialize_with = "or_default")]
    pub is_approved: bool,
}

/// What concerns administrators.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminInfo {
    /// Names of permissions.
    #[serde(default, deserialize_with = "or_default")]
    pub permissions: Vec<String>,
    /// Last sign-in to the admin site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login: Option<Timestamp>,
}

/// The result of one game.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GameScore {
    /// Id of the entry.
    #[serde(rename = "_id")]
    pub id: Id,
    /// `grammar`, `pronunciation`, `identification` or `storytelling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game_type: Option<String>,
    /// Points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Num>,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub date: Timestamp,
}

/// What the Worker must know of an account on every request.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Picture address.
    pub profile_picture: Option<String>,
    /// What the account may do.
    #[serde(default = "Role::student", deserialize_with = "or_student")]
    pub role: Role,
    /// May sign in.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Home region.
    pub region: Option<Id>,
    /// Level and plan.
    #[serde(default, deserialize_with = "or_default")]
    pub student_info: AccountStudent,
    /// Registration.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
    /// Raised whenever all tokens of the account must end.
    #[serde(default)]
    pub token_version: Num,
    /// Ids of single tokens that were signed out.
    #[serde(default, deserialize_with = "or_default")]
    pub revoked_tokens: Vec<String>,
}

/// The part of [`StudentInfo`] that decides about access.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStudent {
    /// `beginner`, `intermediate` or `advanced`.
    pub education_level: Option<String>,
    /// When the subscription ends.
    pub plan_expiry_date: Option<Timestamp>,
    /// The plan last bought.
    pub current_plan: Option<Id>,
}

/// An account with what proves a password. Never leaves the sign-in code.
#[derive(Deserialize)]
pub struct Credentials {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// bcrypt hash.
    #[serde(default, deserialize_with = "or_default")]
    pub password: String,
    /// Raised whenever all tokens of the account must end.
    #[serde(default, rename = "tokenVersion")]
    pub token_version: Num,
    /// What the account may do.
    #[serde(default = "Role::student", deserialize_with = "or_student")]
    pub role: Role,
    /// May sign in.
    #[serde(default = "yes", deserialize_with = "or_yes", rename = "isActive")]
    pub is_active: bool,
}

/// A new account.
#[derive(Debug)]
pub struct NewUser {
    /// Account id.
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Folded address.
    pub email: String,
    /// Cleaned number.
    pub phone: String,
    /// bcrypt hash.
    pub password: String,
    /// What the account may do.
    pub role: Role,
    /// Home region.
    pub region: Id,
    /// Further fields, by path, over the defaults.
    pub more: Map<String, Value>,
    /// Who referred him.
    pub referred_by: Option<Id>,
    /// A teacher's own code.
    pub referral_code: Option<String>,
    /// Registration.
    pub now: Timestamp,
}

/// A student as ranked.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RankedStudent {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Picture address.
    pub profile_picture: Option<String>,
    /// Registration.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
}

/// A role that is missing or unknown gives the least rights.
pub(super) fn or_student<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let role = Option::<String>::deserialize(deserializer)?;
    Ok(role.as_deref().and_then(Role::from_text).unwrap_or(Role::Student))
}

fn now() -> Timestamp {
    Timestamp::from_millis(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
}
