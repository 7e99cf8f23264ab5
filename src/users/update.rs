//! `PUT /users/{id}`: the owner changes what is his, an administrator everything that is not derived.

use axum::{Json, extract::State};
use domain::{
    Id,
    accounts::{Role, check_new_password, teacher_code},
};
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::changes,
    ejson::plain,
    regions,
    users::{self, Change},
};

use super::{
    expand::{Expanded, Stored, expand},
    fields,
    one::NO_USER,
    ranking::refresh_ranking,
};
use crate::{
    auth::password,
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody, text},
        extract::{Admin, AuthUser, JsonBody, RequestId, TextPath, parse_id},
        validate::Checks,
    },
    state::{AppState, Shared},
};

/// How often a teacher's code is drawn again when it is taken.
const CODE_ATTEMPTS: u32 = 8;

/// Change an account. Fields that the caller may not change are ignored.
#[utoipa::path(put, path = "/users/{id}", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, description = "Account id")), request_body = Object, responses(
    (status = 200, body = Envelope<Expanded>),
    (status = 400, body = ErrorBody, description = "A field is wrong, the id malformed, or address or number taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's profile"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn update(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
    axum::Extension(request_id): axum::Extension<RequestId>,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Expanded>>> {
    let fields = fields::read(&body)?;
    let role = user.account.role;
    let password = if role == Role::Admin { new_password(&body)? } else { None };
    let id = parse_id(&id)?;
    if user.account.id != id && role != Role::Admin {
        return Err(ApiError::Forbidden("This profile is not yours"));
    }
    let before = users::by_id(&state.store, id).await?.ok_or(NO_USER)?;
    let mut set = fields::allowed(fields, role);
    let region = check(&state, &set, user.account.id == id && role == Role::Admin).await?;
    if set.get("email").is_some_and(|email| *email != json!(before.email)) {
        set.entry("isEmailVerified").or_insert(json!(false));
    }
    if let Some(password) = &password {
        set.insert("password".into(), json!(password::hash(state.password_hash, password).await?));
        set.insert("revokedTokens".into(), json!([]));
    }
    let admin = (role == Role::Admin).then(|| Admin::new(user.account, &request_id));
    save(&state, &before, set, password.is_some(), admin.as_ref()).await?;
    state.forget_account(id);
    if let Some(region) = region {
        users::settle(&state.store, id, region, durable::now()).await?;
    }
    let after = users::by_id(&state.store, id).await?.ok_or(NO_USER)?;
    refresh_ranking(&state, id, [before.region, after.region]).await;
    let after = expand(&state, after, durable::now()).await?.ok_or(NO_USER)?;
    Ok(envelope("The changes are saved", after))
}

/// The password that an administrator typed; the admin site sends a blank one when he did not.
fn new_password(body: &Map<String, Value>) -> ApiResult<Option<String>> {
    if body.get("password").is_none_or(|password| password.is_null() || password.as_str() == Some("")) {
        return Ok(None);
    }
    let mut checks = Checks::new(body);
    let password =
        checks.secret("password", "Password must have at least 6 characters and at most 72 bytes", |text| {
            check_new_password(text).is_ok()
        });
    checks.finish(password).map(|password| Some(password.to_owned()))
}

/// Refuses what cannot be; answers the new region, if there is one.
async fn check(state: &AppState, set: &Map<String, Value>, own_admin_account: bool) -> ApiResult<Option<Id>> {
    if own_admin_account {
        let demoted = set.get("role").is_some_and(|role| *role != json!(Role::Admin));
        if demoted || set.get("isActive") == Some(&json!(false)) {
            return Err(ApiError::BadRequest("You cannot demote or deactivate your own account"));
        }
    }
    let region = set.get("region").cloned().and_then(|id| serde_json::from_value::<Id>(id).ok());
    if let Some(region) = region
        && regions::by_id(&state.store, region).await?.is_none()
    {
        return Err(ApiError::BadRequest("There is no such region"));
    }
    Ok(region)
}

/// Writes the fields; one who becomes a teacher is approved and gets a code, if he has none.
async fn save(
    state: &AppState,
    before: &Stored,
    mut set: Map<String, Value>,
    sign_out: bool,
    admin: Option<&Admin>,
) -> ApiResult<()> {
    let becomes = set.get("role") == Some(&json!(Role::Teacher)) && before.role != Role::Teacher;
    let is_teacher = becomes || before.role == Role::Teacher && !set.contains_key("role");
    let needs_code = is_teacher && before.teacher_info.referral_code.is_none();
    if becomes || needs_code {
        set.entry("teacherInfo.isApproved").or_insert(json!(true));
    }
    let known = plain(json!(before));
    for _ in 0..CODE_ATTEMPTS {
        if needs_code {
            set.insert("teacherInfo.referralCode".into(), json!(teacher_code(durable::random_bytes())));
        }
        let entry = admin.map(|admin| admin.entry("users.update", before.id, changes(&known, &set)));
        let change = Change { set: set.clone(), sign_out, was_active: None };
        match users::update(&state.store, before.id, change, entry.as_ref(), durable::now()).await {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(NO_USER),
            Err(StoreError::Duplicate(why)) if why.contains("referralCode") && needs_code => {}
            Err(error) => return Err(taken(error)),
        }
    }
    Err(ApiError::Internal("no free teacher code was found".into()))
}

/// What a refused write says: the unique indexes decide what is taken.
pub(super) fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(why) if why.contains("phone") => ApiError::BadRequest(text::PHONE_TAKEN),
        StoreError::Duplicate(_) => ApiError::BadRequest(text::EMAIL_TAKEN),
        error => error.into(),
    }
}
