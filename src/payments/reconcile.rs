//! Reconciliation: orders that stayed open are asked for at the provider, so that a payment whose app died is never
//! lost. Runs by a cron trigger, and when an administrator asks.

use axum::{Json, extract::State};
use domain::{
    Timestamp,
    payment::{Event, Status},
};
use serde::Serialize;
use serde_json::{Value, json};
use store::{
    purchases,
    transactions::{self, Transaction},
};
use utoipa::ToSchema;

use super::settle::{self, Proof, alert};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiResult, ErrorBody},
        extract::Admin,
    },
    state::{AppState, Shared},
};

/// An order is left alone for so long: its buyer may still be in the checkout.
const YOUNG_MS: i64 = 15 * 60_000;
/// An order that nobody paid for so long is called off.
const ABANDONED_MS: i64 = 24 * 3_600_000;
/// The provider is not asked for older ones.
const OLD_MS: i64 = 14 * 24 * 3_600_000;
/// Orders of one run.
const AT_ONCE: u32 = 50;
const REPORTS: u32 = 50;

/// What a run did.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Report {
    /// Orders looked at.
    checked: u32,
    /// Payments that were found and credited.
    credited: u32,
    /// Orders called off.
    cancelled: u32,
    /// Orders that the provider did not tell of.
    unknown: u32,
}

/// Settles what is open; keeps a report.
pub async fn run(state: &AppState) -> ApiResult<Report> {
    let now = durable::now();
    let mut report = Report::default();
    let (from, until) = (now.plus(-OLD_MS), now.plus(-YOUNG_MS));
    for order in transactions::unsettled(&state.store, from, until, AT_ONCE).await? {
        report.checked += 1;
        match settle_one(state, &order, now).await {
            Ok(Some(Status::Completed)) => report.credited += 1,
            Ok(Some(_)) => report.cancelled += 1,
            Ok(None) => {}
            Err(_) => report.unknown += 1,
        }
    }
    purchases::report(&state.store, &json!(report), now).await?;
    Ok(report)
}

async fn settle_one(state: &AppState, order: &Transaction, now: Timestamp) -> ApiResult<Option<Status>> {
    let is_ordered = !order.razorpay_order_id.starts_with("unordered_");
    if is_ordered {
        let payments = state.gateway.payments_of(&order.razorpay_order_id).await?;
        if let Some(paid) = payments.iter().find(|payment| payment.status == "captured") {
            if paid.amount != order.final_paise() {
                alert("reconciliation found another amount", Some(order.id));
                return Ok(None);
            }
            let proof = Proof { payment: Some(&paid.id), signature: None };
            return Ok(Some(settle::apply(state, order.id, Event::Captured, proof).await?.status));
        }
    }
    if is_ordered && now.since(order.created_at) < ABANDONED_MS {
        return Ok(None);
    }
    let why = ("ABANDONED", "Nobody paid this order");
    let done = purchases::failed(&state.store, order.id, Status::Cancelled, why, now).await?;
    Ok(done.then_some(Status::Cancelled))
}

/// Settle open orders now.
#[utoipa::path(post, path = "/admin/transactions/reconcile", tag = "admin", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<Report>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn run_now(State(state): State<Shared>, _admin: Admin) -> ApiResult<Json<DataOnly<Report>>> {
    Ok(data(run(&state).await?))
}

/// What the newest runs did.
#[utoipa::path(get, path = "/admin/transactions/reconciliations", tag = "admin", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<Vec<Object>>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn reports(State(state): State<Shared>, _admin: Admin) -> ApiResult<Json<DataOnly<Vec<Value>>>> {
    Ok(data(purchases::reports(&state.store, REPORTS).await?))
}
