//! `POST /users`: an administrator makes an account (contract: x-missing-routes).

use axum::{Json, extract::State, http::StatusCode};
use domain::accounts::{Role, teacher_code};
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::changes,
    regions,
    users::{self, NewUser},
};

use super::{
    expand::{Expanded, expand},
    fields,
    one::NO_USER,
    ranking::refresh_ranking,
    update::taken,
};
use crate::{
    auth::password,
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, JsonBody},
    },
    state::{AppState, Shared},
};

const CODE_ATTEMPTS: u32 = 8;

/// Make an account of any role.
#[utoipa::path(post, path = "/users", tag = "users", security(("bearer" = [])), request_body = Object, responses(
    (status = 201, body = Envelope<Expanded>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or address or number taken"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Expanded>>)> {
    let fields = fields::read_new(&body)?;
    let password = body.get("password").and_then(Value::as_str).unwrap_or_default();
    let new = new_user(&state, fields, password).await?;
    let new = insert(&state, &admin, new).await?;
    users::settle(&state.store, new.id, new.region, new.now).await?;
    let user = users::by_id(&state.store, new.id).await?.ok_or(NO_USER)?;
    refresh_ranking(&state, user.id, [user.region, None]).await;
    let user = expand(&state, user, new.now).await?.ok_or(NO_USER)?;
    Ok((StatusCode::CREATED, envelope("The user is created", user)))
}

async fn new_user(state: &AppState, fields: Map<String, Value>, password: &str) -> ApiResult<NewUser> {
    let mut more = fields::allowed(fields, Role::Admin);
    let now = durable::now();
    let mut text = |name: &str| {
        more.remove(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let (name, email, phone) = (text("name"), text("email"), text("phone"));
    let role = Role::from_text(&text("role")).unwrap_or(Role::Student);
    let region = match more.remove("region").and_then(|id| serde_json::from_value(id).ok()) {
        None => regions::default_region(&state.store, now).await?,
        Some(region) if regions::by_id(&state.store, region).await?.is_some() => region,
        Some(_) => return Err(ApiError::BadRequest("There is no such region")),
    };
    let password = password::hash(state.password_hash, password).await?;
    let id = durable::new_id();
    Ok(NewUser {
        id,
        name,
        email,
        phone,
        password,
        role,
        region,
        more,
        referred_by: None,
        referral_code: None,
        now,
    })
}

async fn insert(state: &AppState, admin: &Admin, mut new: NewUser) -> ApiResult<NewUser> {
    let mut told = new.more.clone();
    for (field, value) in [("name", &new.name), ("email", &new.email), ("phone", &new.phone)] {
        told.insert(field.into(), json!(value));
    }
    told.insert("role".into(), json!(new.role));
    let entry = admin.entry("users.create", new.id, changes(&Value::Null, &told));
    for _ in 0..CODE_ATTEMPTS {
        if new.role == Role::Teacher {
            new.referral_code = Some(teacher_code(durable::random_bytes()));
        }
        match users::create(&state.store, &new, &entry).await {
            Ok(()) => return Ok(new),
            Err(StoreError::Duplicate(why)) if why.contains("referralCode") => {}
            Err(error) => return Err(taken(error)),
        }
    }
    Err(ApiError::Internal("no free teacher code was found".into()))
}
