//! `POST /transactions/verify-payment`: the app brings what the provider's checkout signed.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    payment::{Event, Status},
};
use serde::Serialize;
use serde_json::Value;
use store::{
    plans,
    transactions::{self, Transaction},
};
use utoipa::ToSchema;

use super::settle::{self, PAYMENT_USED, Proof, alert};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        form::Form,
    },
    state::{AppState, Shared},
};

const BAD_SIGNATURE: ApiError = ApiError::BadRequest("The payment could not be verified");

/// What the checkout gave the app.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct CheckoutProof {
    razorpay_order_id: String,
    razorpay_payment_id: String,
    razorpay_signature: String,
    transaction_id: String,
}

/// What was bought.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activated {
    transaction_id: Id,
    plan_expiry_date: Timestamp,
    plan: String,
}

/// Prove a payment; the subscription begins, or is extended. Repeating it answers the same.
#[utoipa::path(post, path = "/transactions/verify-payment", tag = "payments", security(("bearer" = [])),
    request_body = CheckoutProof, responses(
    (status = 200, body = Envelope<Activated>),
    (status = 400, body = ErrorBody, description = "A field or the signature is wrong, or the order cannot be paid"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's order"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn verify(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Activated>>> {
    let fields = Form::new(&body)
        .needs(&["razorpayOrderId", "razorpayPaymentId", "razorpaySignature", "transactionId"])
        .text("razorpayOrderId", 1..=100)
        .text("razorpayPaymentId", 1..=100)
        .text("razorpaySignature", 1..=200)
        .id("transactionId")
        .finish()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let (order, payment, signature) =
        (text("razorpayOrderId"), text("razorpayPaymentId"), text("razorpaySignature"));
    if !state.gateway.signed_checkout(order, payment, signature) {
        alert("a checkout signature is wrong", None);
        return Err(BAD_SIGNATURE);
    }
    const NO_TRANSACTION: ApiError = ApiError::NotFound("There is no such transaction");
    let id = fields.get("transactionId").cloned().and_then(|id| serde_json::from_value::<Id>(id).ok());
    let found = transactions::by_id(&state.store, id.ok_or(NO_TRANSACTION)?).await?.ok_or(NO_TRANSACTION)?;
    if found.user != user.account.id {
        return Err(ApiError::Forbidden("This transaction is not yours"));
    }
    if found.razorpay_order_id != order {
        alert("a payment of another order", Some(found.id));
        return Err(ApiError::BadRequest("This payment is for another order"));
    }
    let credited = match found.status {
        Status::Pending => {
            confirm(&state, &found, payment).await?;
            let proof = Proof { payment: Some(payment), signature: Some(signature) };
            settle::apply(&state, found.id, Event::Captured, proof).await?
        }
        _ => found,
    };
    activated(&state, credited, payment).await
}

/// Asks the provider for the payment, too. The signature is proof enough when it does not answer in time.
async fn confirm(state: &AppState, transaction: &Transaction, payment: &str) -> ApiResult<()> {
    let Some(told) = state.gateway.payment(payment).await else { return Ok(()) };
    if told.status == "failed" {
        return Err(ApiError::BadRequest("This payment failed"));
    }
    if told.amount != transaction.final_paise() || told.currency != transaction.currency {
        alert("a payment of another amount", Some(transaction.id));
        return Err(ApiError::BadRequest("The amount of this payment is not that of the order"));
    }
    Ok(())
}

async fn activated(
    state: &AppState,
    transaction: Transaction,
    payment: &str,
) -> ApiResult<Json<Envelope<Activated>>> {
    if transaction.status != Status::Completed {
        return Err(ApiError::BadRequest("This order cannot be paid any more"));
    }
    if transaction.razorpay_payment_id.as_deref() != Some(payment) {
        return Err(PAYMENT_USED);
    }
    let plan = match transaction.sold {
        Some(sold) => sold.name,
        None => plans::by_id(&state.store, transaction.plan).await?.map(|plan| plan.name).unwrap_or_default(),
    };
    let plan_expiry_date = transaction.subscription_end_date.unwrap_or_default();
    Ok(envelope("Your plan is active", Activated { transaction_id: transaction.id, plan_expiry_date, plan }))
}
