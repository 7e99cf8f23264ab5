//! `POST /auth/register`: a student or teacher signs up.

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Id, Timestamp,
    accounts::{Role, check_new_password, clean_phone, teacher_code},
    email,
};
use durable::{
    Leaderboard,
    leaderboard::{LeaderboardRequest, Member},
    rpc,
};
use serde_json::{Map, Value};
use store::{
    StoreError, regions,
    users::{self, NewUser},
};
use utoipa::ToSchema;

use super::{login::Session, password};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody, text},
        extract::JsonBody,
        validate::{Checks, Field},
    },
    referrals::offer,
    state::Shared,
};

/// Regions that the app offers when it cannot load the list; they exist in no store.
const BUILT_IN_REGIONS: std::ops::RangeInclusive<&str> =
    "507f1f77bcf86cd799439011"..="507f1f77bcf86cd799439015";
/// How often a teacher's code is drawn again when it is taken.
const CODE_ATTEMPTS: u32 = 8;
const MAX_NAME_CHARS: usize = 100;
const NOT_OFFERED: ApiError = ApiError::BadRequest("Please choose a region from the list");

/// What sign-up takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct Registration {
    /// 2 to 100 characters.
    name: String,
    /// E-mail address.
    email: String,
    /// 10 to 15 digits; a leading plus, hyphens, brackets and blanks are allowed.
    phone: String,
    /// At least 6 characters, at most 72 bytes.
    password: String,
    /// `student` or `teacher`.
    role: String,
    /// Region id or name.
    region: String,
    /// A teacher's code; unknown ones are ignored.
    referral_code: Option<String>,
}

struct Checked<'a> {
    name: String,
    email: String,
    phone: String,
    password: &'a str,
    role: Role,
    region: String,
    code: Option<String>,
}

/// Create a student or teacher account and sign in.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = Registration, responses(
    (status = 201, body = Envelope<Session>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the address or number is taken"),
))]
#[worker::send]
pub async fn register(
    State(state): State<Shared>,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Session>>)> {
    let checked = check(&body)?;
    let now = durable::now();
    let region = region_of(&state, &checked.region, now).await?;
    let referred_by = match (&checked.code, checked.role) {
        (Some(code), Role::Student) => offer(&state, code, None, now).await?.map(|offer| offer.teacher.id),
        _ => None,
    };
    let new = NewUser {
        id: durable::new_id(),
        password: password::hash(state.password_hash, checked.password).await?,
        name: checked.name,
        email: checked.email,
        phone: checked.phone,
        role: checked.role,
        region,
        referred_by,
        referral_code: None,
        more: Map::new(),
        now,
    };
    let new = insert(&state, new).await?;
    users::settle(&state.store, new.id, region, now).await?;
    if new.role == Role::Student {
        let member = Member { id: new.id, name: new.name, picture: None, since: now };
        // The leaderboard looks up a student it does not know: a failure here only delays that.
        let _ =
            rpc::call::<Leaderboard>(&state.env, &region.to_string(), &LeaderboardRequest::Member { member })
                .await;
    }
    let user = users::by_id(&state.store, new.id).await?;
    let user = user.ok_or_else(|| ApiError::Internal("a new account cannot be read".into()))?;
    let token = state.tokens.issue(new.id, 0, durable::new_id(), now)?;
    Ok((StatusCode::CREATED, envelope("Welcome to Aarambh", Session { user, token })))
}

fn check(body: &Map<String, Value>) -> ApiResult<Checked<'_>> {
    let mut checks = Checks::new(body);
    let bounded = |text: &str, least: usize| {
        let count = text.chars().count();
        (least..=MAX_NAME_CHARS).contains(&count).then(|| text.to_owned())
    };
    let name = checks.required("name", "Name must have 2 to 100 characters", |text| bounded(text, 2));
    let email = checks.required("email", "Please enter a valid email address", email::fold);
    let phone = checks.required("phone", "Please enter a valid phone number of 10 to 15 digits", clean_phone);
    let password =
        checks.secret("password", "Password must have at least 6 characters and at most 72 bytes", |text| {
            check_new_password(text).is_ok()
        });
    let role = checks.required("role", "Role must be student or teacher", |text| match text {
        "student" => Some(Role::Student),
        "teacher" => Some(Role::Teacher),
        _ => None,
    });
    let region = checks.required("region", "Please choose a region", |text| bounded(text, 2));
    let code = match checks.field("referralCode") {
        Field::Absent | Field::Other(Value::Null) => None,
        _ => checks.required("referralCode", "The referral code must be a short text", |text| {
            (text.len() <= 64).then(|| text.to_uppercase())
        }),
    };
    match (name, email, phone, password, role, region, checks.errors()) {
        (Some(name), Some(email), Some(phone), Some(password), Some(role), Some(region), None) => {
            let code = code.filter(|code| !code.is_empty());
            Ok(Checked { name, email, phone, password, role, region, code })
        }
        (.., errors) => Err(ApiError::ValidationJoined(errors.unwrap_or_default())),
    }
}

/// The region by id or name; names that nobody knows lead to the default region.
async fn region_of(state: &Shared, text: &str, now: Timestamp) -> ApiResult<Id> {
    if BUILT_IN_REGIONS.contains(&text) {
        return Ok(regions::default_region(&state.store, now).await?);
    }
    if let Ok(id) = text.parse::<Id>() {
        let region = regions::by_id(&state.store, id).await?.filter(|region| region.is_active);
        return region.map(|region| region.id).ok_or(NOT_OFFERED);
    }
    let wanted = text.to_lowercase();
    let all = regions::all(&state.store).await?;
    match all.iter().find(|region| region.name.to_lowercase() == wanted) {
        Some(region) if region.is_active => Ok(region.id),
        Some(_) => Err(NOT_OFFERED),
        None => Ok(regions::default_region(&state.store, now).await?),
    }
}

/// The unique indexes decide what is taken; a teacher's code is drawn again until it is free.
async fn insert(state: &Shared, mut new: NewUser) -> ApiResult<NewUser> {
    for _ in 0..CODE_ATTEMPTS {
        if new.role == Role::Teacher {
            new.referral_code = Some(teacher_code(durable::random_bytes()));
        }
        match users::insert(&state.store, &new).await {
            Ok(()) => return Ok(new),
            Err(StoreError::Duplicate(why)) if why.contains("referralCode") => {}
            Err(StoreError::Duplicate(why)) if why.contains("phone") => {
                return Err(ApiError::BadRequest(text::PHONE_TAKEN));
            }
            Err(StoreError::Duplicate(_)) => return Err(ApiError::BadRequest(text::EMAIL_TAKEN)),
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::Internal("no free teacher code was found".into()))
}
