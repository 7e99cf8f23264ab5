//! `POST /transactions/webhook`: what the provider tells by itself, signed over the very bytes.

use axum::{Json, body::Bytes, extract::State, http::HeaderMap};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::payment::Event;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use store::{purchases, transactions};

use super::{
    gateway::Payment,
    settle::{self, PAYMENT_USED, Proof, alert},
};
use crate::{
    http::{
        body::{Ok as Done, ok},
        error::{ApiError, ApiResult, ErrorBody},
    },
    state::{AppState, Shared},
};

#[derive(Deserialize)]
struct Told {
    event: String,
    #[serde(default)]
    payload: Payload,
}

#[derive(Default, Deserialize)]
struct Payload {
    payment: Option<Entity<Payment>>,
    refund: Option<Entity<Refund>>,
}

#[derive(Deserialize)]
struct Entity<T> {
    entity: T,
}

#[derive(Deserialize)]
struct Refund {
    #[serde(default)]
    amount: i64,
}

/// The provider tells of payments and refunds. Events of other kinds and orders are accepted and ignored.
#[utoipa::path(post, path = "/transactions/webhook", tag = "payments", request_body = Object, responses(
    (status = 200, body = Done),
    (status = 400, body = ErrorBody, description = "The signature is wrong, or the event cannot be read"),
))]
#[worker::send]
pub async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Bytes) -> ApiResult<Json<Done>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !state.gateway.signed_event(&body, header("x-razorpay-signature").unwrap_or_default()) {
        alert("the signature of an event is wrong", None);
        return Err(ApiError::BadRequest("The signature is wrong"));
    }
    let told: Told =
        serde_json::from_slice(&body).map_err(|_| ApiError::BadRequest("The event cannot be read"))?;
    let id = header("x-razorpay-event-id").map(str::to_owned);
    let id = id.unwrap_or_else(|| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
    if !purchases::first_time(&state.store, &id, &told.event, durable::now()).await? {
        return Ok(ok());
    }
    if let Err(error) = work(&state, told).await {
        // The provider comes again with it; it must not count as seen then.
        purchases::forget_event(&state.store, &id).await?;
        return Err(error);
    }
    Ok(ok())
}

async fn work(state: &AppState, told: Told) -> ApiResult<()> {
    let event = match told.event.as_str() {
        "payment.captured" | "order.paid" => Event::Captured,
        "payment.failed" => Event::Failed,
        "refund.processed" => Event::Refunded,
        _ => return Ok(()),
    };
    let Some(Entity { entity: payment }) = told.payload.payment else { return Ok(()) };
    let Some(order) = payment.order_id.as_deref() else { return Ok(()) };
    let Some(transaction) = transactions::by_order(&state.store, order).await? else { return Ok(()) };
    let paise = transaction.final_paise();
    if event == Event::Captured && (payment.amount != paise || payment.currency != transaction.currency) {
        alert("an event tells of another amount", Some(transaction.id));
        return Ok(());
    }
    if event == Event::Refunded && told.payload.refund.is_some_and(|refund| refund.entity.amount < paise) {
        // Part of the money went back: the subscription stays, and somebody should look.
        alert("a part of a payment was refunded", Some(transaction.id));
        return Ok(());
    }
    if event == Event::Failed && transaction.razorpay_payment_id.is_some() {
        return Ok(());
    }
    let proof = Proof { payment: Some(&payment.id), signature: None };
    match settle::apply(state, transaction.id, event, proof).await {
        // Nothing that the provider could mend by coming again.
        Err(error @ (ApiError::BadRequest(_) | ApiError::NotFound(_))) => {
            let same = matches!((&error, &PAYMENT_USED), (ApiError::BadRequest(a), ApiError::BadRequest(b)) if a == b);
            alert(
                if same { "a payment was used twice" } else { "an event cannot be credited" },
                Some(transaction.id),
            );
            Ok(())
        }
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}
