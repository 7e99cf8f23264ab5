//! `POST /transactions/create-order`: the price is ours, whatever the client says.

use axum::{Json, extract::State, http::HeaderMap};
use domain::{Id, Timestamp, accounts::Role, money, payment::Status, referral::Price};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{
    ejson::Num,
    plans::{self, Plan},
    purchases,
    transactions::{self, Buyer, Sold, Transaction},
    users,
};
use utoipa::ToSchema;

use super::{
    idempotency,
    settle::{self, Proof},
};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        form::Form,
    },
    referrals::{Offer, offer},
    retry::until_done,
    state::{AppState, Shared},
};

/// An open order for the same thing is used again within this time.
const REUSE_MS: i64 = 30 * 60_000;
const NOT_FOR_SALE: ApiError = ApiError::BadRequest("This plan is not available");

/// What an order takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct OrderRequest {
    /// Plan id.
    plan_id: String,
    /// A code; one of no use is ignored.
    referral_code: Option<String>,
}

/// An order to be paid in the provider's checkout. With nothing to pay the plan is active at once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    order_id: String,
    /// Rupees.
    amount: Num,
    currency: String,
    referral_discount: Option<Discount>,
    transaction_id: Id,
}

/// What a code took off.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Discount {
    code: String,
    discount_percentage: Num,
    discount_amount: Num,
    teacher_name: String,
}

/// Open an order for a plan. With an `Idempotency-Key` a repeated request gets the same answer.
#[utoipa::path(post, path = "/transactions/create-order", tag = "payments", security(("bearer" = [])),
    request_body = OrderRequest, responses(
    (status = 200, body = DataOnly<Order>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the plan is not sold"),
    (status = 401, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "The same request is at work, or payments are not set up"),
    (status = 422, body = ErrorBody, description = "The key was used with another body"),
    (status = 503, body = ErrorBody, description = "The payment provider does not answer"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    user: AuthUser,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<DataOnly<Order>>> {
    let fields = Form::new(&body)
        .needs(&["planId"])
        .id("planId")
        .text("referralCode", 0..=64)
        .text("receipt", 0..=200)
        .finish()?;
    let key = idempotency::key_of(&headers, user.account.id)?;
    let order = idempotency::once(&state, key, &body, async || {
        order(&state, user.account.id, user.account.role, &fields).await
    })
    .await?;
    Ok(data(order))
}

async fn order(state: &AppState, user: Id, role: Role, fields: &Map<String, Value>) -> ApiResult<Order> {
    let now = durable::now();
    let plan = fields.get("planId").cloned().and_then(|id| serde_json::from_value::<Id>(id).ok());
    let plan = plans::by_id(&state.store, plan.ok_or(NOT_FOR_SALE)?).await?;
    let plan = plan.filter(|plan| plan.is_active).ok_or(NOT_FOR_SALE)?;
    let price = money::paise(plan.price.as_f64()).ok_or(NOT_FOR_SALE)?;
    let code = fields.get("referralCode").and_then(Value::as_str).filter(|code| !code.is_empty());
    let offer = usable_offer(state, code, user, role, price, now).await?;
    let draft = draft(state, user, &plan, price, code, offer.as_ref(), now).await?;
    let discount = offer.map(|(offer, price)| Discount {
        code: code.unwrap_or_default().to_owned(),
        discount_percentage: Num::from_f64(offer.terms.percentage),
        discount_amount: Num::rupees(price.discount_paise),
        teacher_name: offer.teacher.name,
    });
    let opened = open(state, draft, now).await?;
    Ok(Order {
        order_id: opened.razorpay_order_id,
        amount: opened.final_amount,
        currency: opened.currency,
        referral_discount: discount,
        transaction_id: opened.id,
    })
}

/// The offer behind a code, and the price with it. Codes of no use are ignored, and so are the buyer's own.
async fn usable_offer(
    state: &AppState,
    code: Option<&str>,
    user: Id,
    role: Role,
    price: i64,
    now: Timestamp,
) -> ApiResult<Option<(Offer, Price)>> {
    let Some(code) = code else { return Ok(None) };
    let student = (role == Role::Student).then_some(user);
    let found = offer(state, code, student, now).await?.filter(|offer| offer.teacher.id != user);
    Ok(found.and_then(|offer| {
        let price = offer.terms.apply(price).ok()?;
        Some((offer, price))
    }))
}

/// The purchase as it will be stored, with copies of what is sold and of who buys.
async fn draft(
    state: &AppState,
    user: Id,
    plan: &Plan,
    price: i64,
    code: Option<&str>,
    offer: Option<&(Offer, Price)>,
    now: Timestamp,
) -> ApiResult<Transaction> {
    let buyer = users::contacts(&state.store, &[user]).await?.pop();
    let id = durable::new_id();
    let reduced = offer.map_or(Price { discount_paise: 0, final_paise: price }, |(_, price)| *price);
    Ok(Transaction {
        id,
        user,
        plan: plan.id,
        amount: Num::rupees(price),
        currency: "INR".into(),
        discount_amount: Num::rupees(reduced.discount_paise),
        final_amount: Num::rupees(reduced.final_paise),
        // Until the provider has named the order; the index wants each one different.
        razorpay_order_id: format!("unordered_{id}"),
        razorpay_payment_id: None,
        referral_code: code.map(str::to_owned),
        referred_by: offer.map(|(offer, _)| offer.teacher.id),
        discount_percentage: offer
            .map_or_else(Num::default, |(offer, _)| Num::from_f64(offer.terms.percentage)),
        status: Status::Pending,
        subscription_start_date: None,
        subscription_end_date: None,
        expires_at: None,
        payment_method: if reduced.final_paise == 0 && offer.is_some() { "coupon" } else { "razorpay" }
            .into(),
        description: None,
        error_code: None,
        error_description: None,
        completed_at: None,
        created_at: now,
        updated_at: now,
        version: Num::default(),
        sold: Some(Sold {
            name: plan.name.clone(),
            description: plan.description.clone(),
            price: plan.price.clone(),
            duration: plan.duration.clone(),
            duration_type: plan.duration_type.clone(),
            features: plan.features.clone(),
        }),
        buyer: buyer.map(|user| Buyer { name: user.name, email: user.email, phone: user.phone }),
        referral: offer.and_then(|(offer, _)| offer.referral),
    })
}

/// Stores the purchase, then opens the order with the provider; or credits it when nothing is to be paid.
async fn open(state: &AppState, draft: Transaction, now: Timestamp) -> ApiResult<Transaction> {
    let paise = draft.final_paise();
    if paise == 0 {
        purchases::insert(&state.store, &draft).await?;
        return until_done(async || {
            let done = settle::credit(state, &draft, Proof::default(), None).await?;
            if done { Ok(transactions::by_id(&state.store, draft.id).await?) } else { Ok(None) }
        })
        .await;
    }
    let code = draft.referral_code.as_deref();
    let since = now.plus(-REUSE_MS);
    let known =
        transactions::open_order(&state.store, draft.user, draft.plan, &draft.final_amount, code, since)
            .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    purchases::insert(&state.store, &draft).await?;
    match state.gateway.create_order(paise, &draft.id.to_string()).await {
        Ok(order) => {
            purchases::ordered(&state.store, draft.id, &order, durable::now()).await?;
            Ok(Transaction { razorpay_order_id: order, ..draft })
        }
        Err(error) => {
            let why = ("ORDER_FAILED", "The payment provider did not open the order");
            purchases::failed(&state.store, draft.id, Status::Failed, why, durable::now()).await?;
            Err(error)
        }
    }
}
