//! What a code is worth: one answer for sign-up, checking and buying.

use axum::{Json, extract::State, response::IntoResponse};
use domain::{
    Id, Timestamp,
    accounts::Role,
    money,
    referral::{Refusal, Terms},
};
use serde::Serialize;
use serde_json::Value;
use store::{
    ejson::Num,
    referrals, transactions,
    users::{self, UserRef},
};
use utoipa::ToSchema;

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{JsonBody, MaybeUser},
    },
    state::{AppState, Shared},
};

const MAX_CODE_BYTES: usize = 64;
const OF_TEACHER: &str = "Referral discount of your teacher";

/// A code that may be used now.
pub struct Offer {
    /// The id of the code's document, or of the teacher for his own code.
    pub id: Id,
    /// The code's document, if it has one.
    pub referral: Option<Id>,
    /// Who gets the credit.
    pub teacher: UserRef,
    /// What it takes off.
    pub terms: Terms,
    /// For the buyer.
    pub description: String,
}

/// The offer behind a code. A code's own document decides, if there is one; otherwise it is the code of a teacher, or
/// nothing. Codes of deactivated teachers are worth nothing.
/// A student uses a code once.
pub async fn offer(
    state: &AppState,
    code: &str,
    student: Option<Id>,
    now: Timestamp,
) -> ApiResult<Option<Offer>> {
    let code = code.trim().to_uppercase();
    if code.is_empty() || code.len() > MAX_CODE_BYTES {
        return Ok(None);
    }
    if let Some(student) = student
        && was_used(state, &code, student).await?
    {
        return Ok(None);
    }
    let document = referrals::by_code(&state.store, &code).await?;
    if let Some(own) = document {
        let usable = own.is_active && own.is_approved && own.terms().check(now).is_ok();
        let teacher = users::active_reference(&state.store, own.teacher).await?;
        return Ok(teacher.filter(|_| usable).map(|teacher| Offer {
            id: own.id,
            referral: Some(own.id),
            teacher,
            terms: own.terms(),
            description: own.description.unwrap_or_else(|| OF_TEACHER.into()),
        }));
    }
    let teacher = users::teacher_by_code(&state.store, &code).await?;
    Ok(teacher.map(|teacher| Offer {
        id: teacher.id,
        referral: None,
        teacher,
        terms: Terms::of_teacher(),
        description: OF_TEACHER.into(),
    }))
}

async fn was_used(state: &AppState, code: &str, student: Id) -> ApiResult<bool> {
    let bought = transactions::bought(&state.store, student).await?;
    let with_code = |code: &str| {
        bought.iter().any(|one| one.code.as_deref().is_some_and(|used| used.trim().to_uppercase() == code))
    };
    let ids: Vec<Id> = bought.iter().map(|one| one.id).collect();
    Ok(with_code(code) || referrals::lists_use(&state.store, code, student, &ids).await?)
}

/// What checking takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it takes scalars only")]
pub struct CodeCheck {
    /// As typed.
    referral_code: String,
    /// Price in rupees.
    amount: Option<f64>,
}

/// The verdict.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    is_valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    referral: Option<Reduction>,
}

/// What the code takes off.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reduction {
    id: Id,
    code: String,
    discount_percentage: Num,
    discount_amount: Num,
    final_amount: Num,
    description: String,
    teacher: CreditedTeacher,
}

/// Who gets the credit. The address is personal: the key stays, and is empty.
#[derive(Serialize, ToSchema)]
pub struct CreditedTeacher {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: &'static str,
}

/// The envelope of a code that is worth nothing: the app wants status 200, and looks at `success`.
#[derive(Serialize, ToSchema)]
pub struct Worthless {
    success: bool,
    message: &'static str,
    data: Verdict,
}

/// Check a code, and what it takes off a price.
#[utoipa::path(post, path = "/referrals/validate", tag = "referrals", request_body = CodeCheck, responses(
    (status = 200, body = Envelope<Verdict>, description = "Look at success: a code of no use is no error"),
    (status = 400, body = ErrorBody, description = "No code, or the amount is no price"),
))]
#[worker::send]
pub async fn validate(
    State(state): State<Shared>,
    MaybeUser(account): MaybeUser,
    JsonBody(body): JsonBody,
) -> ApiResult<axum::response::Response> {
    let code = match body.get("referralCode") {
        Some(Value::String(code)) if !code.trim().is_empty() => code.trim(),
        _ => return Err(ApiError::BadRequest("Please enter a referral code")),
    };
    let price = price(body.get("amount"))?;
    let worthless = |message| {
        let data = Verdict { is_valid: false, referral: None };
        Json(Worthless { success: false, message, data }).into_response()
    };
    let student = account.filter(|account| account.role == Role::Student).map(|account| account.id);
    let Some(offer) = offer(&state, code, student, durable::now()).await? else {
        return Ok(worthless("This referral code is not valid"));
    };
    // Without a price only the code is checked.
    let terms = if price == 0 { Terms { minimum_paise: 0, ..offer.terms } } else { offer.terms };
    let reduced = match terms.apply(price) {
        Ok(reduced) => reduced,
        Err(Refusal::BelowMinimum) => return Ok(worthless("The price is too low for this referral code")),
        Err(_) => return Ok(worthless("This referral code is not valid")),
    };
    let reduction = Reduction {
        id: offer.id,
        code: code.to_owned(),
        discount_percentage: Num::from_f64(terms.percentage),
        discount_amount: Num::rupees(reduced.discount_paise),
        final_amount: Num::rupees(reduced.final_paise),
        description: offer.description,
        teacher: CreditedTeacher { id: offer.teacher.id, name: offer.teacher.name, email: "" },
    };
    Ok(envelope("The code is valid", Verdict { is_valid: true, referral: Some(reduction) }).into_response())
}

/// The price in paise; nothing is zero.
fn price(amount: Option<&Value>) -> ApiResult<i64> {
    let rupees = match amount {
        None => Some(0.0),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    rupees.and_then(money::paise).ok_or(ApiError::BadRequest("The amount must be a price in rupees"))
}
