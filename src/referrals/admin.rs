//! What administrators do to codes.

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Id, Timestamp,
    accounts::{Role, teacher_code},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{changes, removal},
    ejson::Num,
    referrals::{self, Referral},
    transactions, users,
};
use utoipa::ToSchema;

use super::{
    list::Shown,
    one::{NO_CODE, shown},
};
use crate::{
    http::{
        body::{Envelope, MessageOnly, envelope, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, JsonBody, TextPath, parse_id},
        form::Form,
    },
    retry::until_done,
    state::Shared,
};

const CODE_ATTEMPTS: u32 = 8;
/// An order that was not paid for so long will not be: it does not keep a code.
const ABANDONED_MS: i64 = 24 * 3_600_000;
const UNLIMITED: i64 = -1;

/// What a code is made of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct CodeFields {
    /// Account id; only when the code is made.
    teacher: String,
    /// 1 to 100.
    discount_percentage: u32,
    is_active: Option<bool>,
    /// Most uses; absent or -1 means no limit.
    max_uses: Option<i64>,
    /// ISO 8601.
    expiry_date: Option<String>,
    /// At most 500 characters.
    description: Option<String>,
    /// Lets an old code have its own terms; codes made here are approved.
    is_approved: Option<bool>,
}

fn read(form: Form<'_>) -> ApiResult<Map<String, Value>> {
    let mut fields = form
        .integer("discountPercentage", 1..=100)
        .boolean("isActive")
        .boolean("isApproved")
        .count_or_unlimited("maxUses")
        .time("expiryDate")
        .text("description", 0..=500)
        .finish()?;
    if let Some(until) = fields.remove("expiryDate") {
        fields.insert("validUntil".into(), until);
    }
    Ok(fields)
}

/// Give a teacher a new code. It is approved at once; his code so far stays good.
#[utoipa::path(post, path = "/referrals", tag = "referrals", security(("bearer" = [])), request_body = CodeFields,
    responses(
    (status = 201, body = Envelope<Shown>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the user no teacher"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody, description = "No such user"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Shown>>)> {
    let fields = read(Form::new(&body).needs(&["teacher", "discountPercentage"]).id("teacher"))?;
    let teacher: Option<Id> = fields.get("teacher").cloned().and_then(|id| serde_json::from_value(id).ok());
    let teacher = teacher.ok_or(ApiError::BadRequest("The teacher is not a valid id"))?;
    let teacher = users::by_id(&state.store, teacher).await?;
    let teacher = teacher.ok_or(ApiError::NotFound("There is no such user"))?;
    if teacher.role != Role::Teacher {
        return Err(ApiError::BadRequest("This user is not a teacher"));
    }
    let whole = |name: &str| fields.get(name).and_then(Value::as_i64);
    let time = |name: &str| {
        fields.get(name).cloned().and_then(|time| serde_json::from_value::<Timestamp>(time).ok())
    };
    let now = durable::now();
    for _ in 0..CODE_ATTEMPTS {
        let code = teacher_code(durable::random_bytes());
        if users::teacher_by_code(&state.store, &code).await?.is_some() {
            continue;
        }
        let new = Referral {
            id: durable::new_id(),
            teacher: teacher.id,
            referral_code: code,
            discount_percentage: whole("discountPercentage").unwrap_or(25).into(),
            total_uses: Num::default(),
            max_uses: whole("maxUses").unwrap_or(UNLIMITED).into(),
            is_active: fields.get("isActive") != Some(&json!(false)),
            is_approved: true,
            minimum_amount: Num::default(),
            maximum_discount: 1000.into(),
            total_discount_given: Num::default(),
            total_revenue: Num::default(),
            used_by: Vec::new(),
            valid_from: now,
            valid_until: time("validUntil"),
            description: fields.get("description").and_then(Value::as_str).map(str::to_owned),
            created_at: now,
            updated_at: now,
            version: Num::default(),
        };
        let entry = admin.entry("referrals.create", new.id, changes(&Value::Null, &fields));
        let former = teacher.teacher_info.referral_code.as_deref();
        match referrals::create(&state.store, &new, former, &entry).await {
            Ok(true) => {
                return Ok((
                    StatusCode::CREATED,
                    envelope("The code is created", shown(&state, new.id).await?),
                ));
            }
            Ok(false) => return Err(ApiError::NotFound("There is no such user")),
            Err(StoreError::Duplicate(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::Internal("no free referral code was found".into()))
}

/// Change discount, limit, dates or state of a code.
#[utoipa::path(put, path = "/referrals/{id}", tag = "referrals", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = CodeFields, responses(
    (status = 200, body = Envelope<Shown>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the id malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn update(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Shown>>> {
    let fields = read(Form::new(&body).without("referralCode"))?;
    let id = parse_id(&id)?;
    let before = referrals::by_id(&state.store, id).await?.ok_or(NO_CODE)?;
    let entry = admin.entry("referrals.update", id, changes(&json!(before), &fields));
    if !referrals::update(&state.store, id, None, fields, &entry).await? {
        return Err(NO_CODE);
    }
    Ok(envelope("The code is saved", shown(&state, id).await?))
}

/// Delete a code that was never used.
#[utoipa::path(delete, path = "/referrals/{id}", tag = "referrals", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed, or the code is in use"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    let code = referrals::by_id(&state.store, id).await?.ok_or(NO_CODE)?;
    let used = |count: i64| ApiError::Refused(format!("This code was used {count} times and must stay"));
    if code.total_uses.as_i64() > 0 {
        return Err(used(code.total_uses.as_i64()));
    }
    let since = durable::now().plus(-ABANDONED_MS);
    let count = transactions::count_with_code(&state.store, &code.referral_code, since).await?;
    if count > 0 {
        return Err(used(i64::try_from(count).unwrap_or(i64::MAX)));
    }
    let entry = admin.entry("referrals.delete", id, removal(&code));
    if !referrals::delete_unused(&state.store, &code, &entry).await? {
        return Err(used(1));
    }
    Ok(message("The code is deleted"))
}

/// The new state of a code.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Switched {
    is_active: bool,
}

/// Switch a code on or off.
#[utoipa::path(patch, path = "/referrals/{id}/toggle-status", tag = "referrals", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<Switched>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn toggle(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Switched>>> {
    until_done(async || {
        let code = referrals::by_id(&state.store, id).await?.ok_or(NO_CODE)?;
        let is_active = !code.is_active;
        let set: Map<_, _> = [("isActive".to_owned(), json!(is_active))].into_iter().collect();
        let entry = admin.entry("referrals.toggle", id, changes(&json!(code), &set));
        if referrals::update(&state.store, id, Some(code.is_active), set, &entry).await? {
            return Ok(Some(envelope("The code is switched", Switched { is_active })));
        }
        Ok(None)
    })
    .await
}
