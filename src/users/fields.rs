//! The fields of an account that a body may hold (contract: usersUpdate, x-missing-routes).

use domain::accounts::Role;
use serde_json::{Map, Value};

use crate::http::{error::ApiResult, form::Form};

/// What an administrator may be allowed to do. Nothing enforces it yet; the admin site keeps it.
const PERMISSIONS: [&str; 7] = [
    "manage_users",
    "manage_content",
    "manage_plans",
    "view_analytics",
    "manage_teachers",
    "manage_transactions",
    "manage_regions",
];
/// What the owner of an account may change himself. Everything else is for administrators.
const OWN: [&str; 12] = [
    "name",
    "email",
    "phone",
    "region",
    "studentInfo.age",
    "studentInfo.educationLevel",
    "studentInfo.preferredLearningTime",
    "studentInfo.learningGoals",
    "teacherInfo.qualification",
    "teacherInfo.experience",
    "teacherInfo.specialization",
    "teacherInfo.bio",
];
/// More of it, for teachers.
const OWN_OF_TEACHER: [&str; 1] = ["teacherInfo.hourlyRate"];
const COUNT: std::ops::RangeInclusive<i64> = 0..=1_000_000_000;

/// The fields of a new account; a password is asked for, and checked.
pub fn read_new(body: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    read_with(body, |form| form.needs(&["name", "email", "phone", "role"]).password("password"))
}

/// The fields of a change.
pub fn read(body: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    read_with(body, |form| form)
}

/// `region` may be blank, as the admin site sends it when none is chosen.
fn read_with(
    body: &Map<String, Value>,
    more: impl FnOnce(Form<'_>) -> Form<'_>,
) -> ApiResult<Map<String, Value>> {
    let mut body = body.clone();
    if body.get("region").and_then(Value::as_str).is_some_and(|region| region.trim().is_empty()) {
        body.remove("region");
    }
    more(Form::new(&body))
        .text("name", 2..=100)
        .email("email")
        .phone("phone")
        .choice("role", &["student", "teacher", "admin"])
        .id("region")
        .boolean("isActive")
        .boolean("isEmailVerified")
        .boolean("isPhoneVerified")
        .object("studentInfo")
        .integer("studentInfo.age", 5..=100)
        .choice("studentInfo.educationLevel", &["beginner", "intermediate", "advanced"])
        .choice("studentInfo.preferredLearningTime", &["morning", "afternoon", "evening", "night"])
        .texts("studentInfo.learningGoals")
        .choice("studentInfo.subscriptionStatus", &["inactive", "active", "expired", "cancelled"])
        .id("studentInfo.currentPlan")
        .time("studentInfo.planExpiryDate")
        .time("studentInfo.subscriptionExpiry")
        .integer("studentInfo.totalLecturesWatched", COUNT)
        .integer("studentInfo.totalGameSessions", COUNT)
        .integer("studentInfo.totalCommunicationSessions", COUNT)
        .number("studentInfo.averageGameScore", 0.0..=1e9)
        .number("studentInfo.totalSessions", 0.0..=1e9)
        .number("studentInfo.totalGamesPlayed", 0.0..=1e9)
        .number("studentInfo.totalWatchTime", 0.0..=1e9)
        .object("teacherInfo")
        .text("teacherInfo.qualification", 0..=500)
        .integer("teacherInfo.experience", 0..=100)
        .texts("teacherInfo.specialization")
        .text("teacherInfo.bio", 0..=2000)
        .number("teacherInfo.hourlyRate", 0.0..=1e6)
        .boolean("teacherInfo.isApproved")
        .text("teacherInfo.referralCode", 0..=64)
        .number("teacherInfo.totalStudents", 0.0..=1e9)
        .number("teacherInfo.totalEarnings", 0.0..=1e9)
        .number("teacherInfo.totalReferrals", 0.0..=1e9)
        .object("adminInfo")
        .choices("adminInfo.permissions", &PERMISSIONS)
        .finish()
}

/// Leaves what somebody may change: of his own account, or as an administrator. Derived and server-owned fields are
/// checked above, as the contract wants, and dropped for everybody.
pub fn allowed(mut fields: Map<String, Value>, by: Role) -> Map<String, Value> {
    const SERVER_OWNED: [&str; 5] = [
        "studentInfo.subscriptionStatus",
        "studentInfo.subscriptionExpiry",
        "studentInfo.totalGameSessions",
        "studentInfo.totalCommunicationSessions",
        "teacherInfo.referralCode",
    ];
    fields.retain(|path, _| {
        let path = path.as_str();
        let own = OWN.contains(&path) || by == Role::Teacher && OWN_OF_TEACHER.contains(&path);
        !SERVER_OWNED.contains(&path) && (own || by == Role::Admin)
    });
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(body: Value, by: Role) -> Vec<String> {
        let body = body.as_object().cloned().unwrap_or_default();
        allowed(read(&body).unwrap(), by).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn nobody_raises_himself() {
        let greedy = json!({ "name": "Me", "role": "admin", "isActive": true, "isEmailVerified": true,
            "studentInfo": { "age": 20, "currentPlan": "507f1f77bcf86cd799439011", "planExpiryDate": "2099-01-01",
                "averageGameScore": 100, "totalSessions": 5 },
            "teacherInfo": { "bio": "x", "isApproved": true, "totalEarnings": 5, "hourlyRate": 5, "referralCode": "1" },
            "adminInfo": { "permissions": ["manage_users"] } });
        assert_eq!(keys(greedy.clone(), Role::Student), ["name", "studentInfo.age", "teacherInfo.bio"]);
        assert_eq!(
            keys(greedy.clone(), Role::Teacher),
            ["name", "studentInfo.age", "teacherInfo.bio", "teacherInfo.hourlyRate"]
        );
        let all = keys(greedy, Role::Admin);
        assert!(all.contains(&"role".to_owned()) && all.contains(&"studentInfo.planExpiryDate".to_owned()));
        assert!(!all.contains(&"teacherInfo.referralCode".to_owned()));
    }

    #[test]
    fn a_blank_region_is_none() {
        assert!(keys(json!({ "region": " " }), Role::Admin).is_empty());
        assert!(read(json!({ "region": "nowhere" }).as_object().unwrap()).is_err());
    }
}
