//! Credits and their reversal: whoever hears of a payment comes here (the app, the provider's events, reconciliation,
//! an administrator).

use domain::{
    Id,
    payment::{Event, Status, Step, period, step, without},
};
use serde_json::{Map, json};
use store::{
    StoreError,
    audit::Entry,
    plans,
    purchases::{self, Credit},
    referrals,
    transactions::{self, Transaction},
};
use worker::console_error;

use crate::{
    http::error::{ApiError, ApiResult},
    retry::until_done,
    state::AppState,
};

/// What proves a payment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proof<'a> {
    /// The provider's id; free purchases have none.
    pub payment: Option<&'a str>,
    /// The checkout's signature, when the app brought it.
    pub signature: Option<&'a str>,
}

pub const PAYMENT_USED: ApiError = ApiError::BadRequest("This payment was used for another purchase");

/// Says loudly that something about money does not fit.
pub fn alert(what: &str, transaction: Option<Id>) {
    console_error!("{}", json!({ "level": "alert", "payment": what, "transaction": transaction }));
}

/// Applies what the provider tells of a purchase; answers the purchase as it is then.
pub async fn apply(state: &AppState, id: Id, event: Event, proof: Proof<'_>) -> ApiResult<Transaction> {
    until_done(async || {
        let transaction = find(state, id).await?;
        let done = match step(transaction.status, event) {
            Step::Credit => credit(state, &transaction, proof, None).await?,
            Step::Reverse => reverse(state, &transaction, Status::Refunded, Map::new(), None).await?,
            Step::Mark(status) => {
                let now = durable::now();
                purchases::mark(&state.store, &transaction, status, Map::new(), None, now).await?
            }
            Step::Note => {
                let why = ("PAYMENT_FAILED", "A payment for this order failed");
                purchases::failed(&state.store, id, Status::Pending, why, durable::now()).await?
            }
            Step::Nothing => return Ok(Some(transaction)),
        };
        if done { Ok(Some(find(state, id).await?)) } else { Ok(None) }
    })
    .await
}

async fn find(state: &AppState, id: Id) -> ApiResult<Transaction> {
    transactions::by_id(&state.store, id).await?.ok_or(ApiError::NotFound("There is no such transaction"))
}

/// Credits a purchase once. False: somebody else changed something; look again.
pub async fn credit(
    state: &AppState,
    transaction: &Transaction,
    proof: Proof<'_>,
    entry: Option<&Entry>,
) -> ApiResult<bool> {
    let now = durable::now();
    let holding = purchases::holding(&state.store, transaction.user).await?;
    let holding = holding.ok_or(ApiError::BadRequest("The buyer's account does not exist any more"))?;
    let (count, unit) = length(state, transaction).await?;
    let period = period(holding.student_info.plan_expiry_date, count, &unit, now);
    let period = period.ok_or(ApiError::BadRequest("The length of this plan cannot be read"))?;
    let referral = referral_of(state, transaction).await?;
    let credit = Credit {
        transaction,
        holding: &holding,
        period,
        payment: proof.payment,
        signature: proof.signature,
        referral,
    };
    let done = purchases::credit(&state.store, &credit, entry, now).await;
    let done = done.map_err(|error| match error {
        StoreError::Duplicate(_) => PAYMENT_USED,
        error => error.into(),
    })?;
    state.forget_account(transaction.user);
    Ok(done)
}

/// Takes a credit back; what was bought besides stays. False: look again.
pub async fn reverse(
    state: &AppState,
    transaction: &Transaction,
    status: Status,
    more: Map<String, serde_json::Value>,
    entry: Option<&Entry>,
) -> ApiResult<bool> {
    let holding = purchases::holding(&state.store, transaction.user).await?.unwrap_or_default();
    let times = transaction.subscription_start_date.zip(transaction.subscription_end_date);
    let expiry = match (holding.student_info.plan_expiry_date, times) {
        (Some(expiry), Some((start, end))) => Some(without(expiry, start, end)),
        // The old server did not say which time it sold: from its payment on, as long as the plan lasts.
        (Some(expiry), None) => {
            let (count, unit) = length(state, transaction).await?;
            let start = transaction.completed_at.unwrap_or(transaction.updated_at);
            domain::subscription::end(start, count, &unit).map(|end| without(expiry, start, end))
        }
        (None, _) => None,
    };
    let referral = referral_of(state, transaction).await?;
    let reversal = purchases::Reversal { status, more, expiry, referral };
    let now = durable::now();
    let done = purchases::reverse(&state.store, transaction, &holding, reversal, entry, now).await?;
    state.forget_account(transaction.user);
    Ok(done)
}

/// The length that was sold; of orders of the old server, that of the plan.
async fn length(state: &AppState, transaction: &Transaction) -> ApiResult<(i64, String)> {
    if let Some(sold) = &transaction.sold {
        return Ok((sold.duration.as_i64(), sold.duration_type.clone()));
    }
    let plan = plans::by_id(&state.store, transaction.plan).await?;
    let plan = plan.ok_or(ApiError::BadRequest("The plan of this order does not exist any more"))?;
    Ok((plan.duration.as_i64(), plan.duration_type))
}

/// The document of the code of a purchase; orders of the old server name the code only.
async fn referral_of(state: &AppState, transaction: &Transaction) -> ApiResult<Option<Id>> {
    if transaction.sold.is_some() {
        return Ok(transaction.referral);
    }
    let Some(code) = transaction.referral_code.as_deref().filter(|_| transaction.referred_by.is_some())
    else {
        return Ok(None);
    };
    let found = referrals::by_code(&state.store, &code.trim().to_uppercase()).await?;
    Ok(found.map(|code| code.id))
}
