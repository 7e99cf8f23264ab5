//! Everything that moves money or subscriptions: each is one database transaction, or nothing.

use domain::{Id, Timestamp, payment::Status};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, date, oid},
    transactions::{COLLECTION, Transaction},
};

const EVENTS: &str = "paymentevents";
const REPORTS: &str = "reconciliations";
/// What a teacher earns with a purchase, rupees: the app shows uses times this.
const EARNING: i64 = 500;

/// Stores an order before the provider hears of it.
pub async fn insert(store: &Store, order: &Transaction) -> Result<(), StoreError> {
    let sold = order.sold.as_ref().map(|sold| {
        let features: Vec<Value> = sold
            .features
            .iter()
            .map(|feature| {
                let mut line = json!(feature);
                if let Some(line) = line.as_object_mut() {
                    line.insert("_id".into(), oid(feature.id));
                }
                line
            })
            .collect();
        json!({ "name": sold.name, "description": sold.description, "price": sold.price, "duration": sold.duration,
            "durationType": sold.duration_type, "features": features })
    });
    let document = json!({
        "_id": oid(order.id), "user": oid(order.user), "plan": oid(order.plan), "amount": order.amount,
        "currency": order.currency, "discountAmount": order.discount_amount, "finalAmount": order.final_amount,
        "razorpayOrderId": order.razorpay_order_id, "referralCode": order.referral_code,
        "referredBy": order.referred_by.map(oid), "discountPercentage": order.discount_percentage, "status": "pending",
        "paymentMethod": order.payment_method, "sold": sold, "buyer": order.buyer,
        "referral": order.referral.map(oid), "createdAt": date(order.created_at), "updatedAt": date(order.created_at),
        "__v": 0,
    });
    store.insert_one(COLLECTION, document).await
}

/// Notes the provider's id of an order.
pub async fn ordered(store: &Store, id: Id, order: &str, now: Timestamp) -> Result<(), StoreError> {
    let update = json!({ "$set": { "razorpayOrderId": order, "updatedAt": date(now) } });
    store.update_one(COLLECTION, json!({ "_id": oid(id) }), update, false).await.map(drop)
}

/// Notes why a purchase did not succeed; `status` changes only from pending. Says whether it was pending.
pub async fn failed(
    store: &Store,
    id: Id,
    status: Status,
    (code, description): (&str, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = json!({ "$set": { "status": status, "errorCode": code, "errorDescription": description,
        "updatedAt": date(now) } });
    let filter = json!({ "_id": oid(id), "status": "pending" });
    Ok(store.update_one(COLLECTION, filter, update, false).await?.matched() == 1)
}

/// Changes only the status of a purchase that still has the old one. Says whether it had.
pub async fn mark(
    store: &Store,
    transaction: &Transaction,
    status: Status,
    more: Map<String, Value>,
    entry: Option<&Entry>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let step = status_step(transaction, status, more, now);
    commit(store, vec![step], entry).await
}

/// The buyer's side of a purchase.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// When his subscription ends.
    #[serde(default)]
    pub student_info: HeldPlan,
    /// Who brought him.
    pub referred_by: Option<Id>,
}

/// See [`Holding`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldPlan {
    /// When it ends.
    pub plan_expiry_date: Option<Timestamp>,
    /// Which it is.
    pub current_plan: Option<Id>,
}

/// What a buyer holds now.
pub async fn holding(store: &Store, user: Id) -> Result<Option<Holding>, StoreError> {
    let fields = json!({ "studentInfo.planExpiryDate": 1, "studentInfo.currentPlan": 1, "referredBy": 1 });
    store.find_one("users", json!({ "_id": oid(user) }), fields).await
}

/// A credit that is due.
pub struct Credit<'a> {
    /// The purchase, as it was read.
    pub transaction: &'a Transaction,
    /// The buyer, as he was read.
    pub holding: &'a Holding,
    /// The time that it adds.
    pub period: (Timestamp, Timestamp),
    /// The provider's id of the payment; free purchases have none.
    pub payment: Option<&'a str>,
    /// What proves it, when the app did.
    pub signature: Option<&'a str>,
    /// The document of its code, if it has one.
    pub referral: Option<Id>,
}

/// Credits a purchase: its status, the subscription, the use of its code, the teacher and the plan, in one transaction.
/// False: something of what was read has changed; read again. A payment that paid something else is a
/// [`StoreError::Duplicate`].
pub async fn credit(
    store: &Store,
    credit: &Credit<'_>,
    entry: Option<&Entry>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Credit { transaction, holding, period: (start, end), .. } = credit;
    let mut set = Map::new();
    let mut put = |key: &str, value: Value| set.insert(key.to_owned(), value);
    put("completedAt", date(now));
    put("subscriptionStartDate", date(*start));
    put("subscriptionEndDate", date(*end));
    if let Some(payment) = credit.payment {
        put("razorpayPaymentId", json!(payment));
    }
    if let Some(signature) = credit.signature {
        put("razorpaySignature", json!(signature));
    }
    let mut user = json!({ "studentInfo.currentPlan": oid(transaction.plan), "studentInfo.planExpiryDate": date(*end),
        "updatedAt": date(now) });
    if let Some(user) = user.as_object_mut() {
        user.remove("subscriptionCancelledAt");
        if transaction.discount_percentage.as_f64() > 0.0 {
            user.insert("referralDiscountApplied".into(), json!(true));
        }
        if let (Some(teacher), None) = (transaction.referred_by, holding.referred_by) {
            user.insert("referredBy".into(), oid(teacher));
        }
    }
    let mut steps = vec![
        status_step(transaction, Status::Completed, set, now),
        holder_step(
            transaction,
            holding,
            &json!({ "$set": user, "$addToSet": { "transactions": oid(transaction.id) },
            "$unset": { "subscriptionCancelledAt": "" } }),
        ),
        plan_step(transaction, 1),
    ];
    if let Some(referral) = credit.referral {
        let used = json!({ "_id": oid(transaction.id), "student": oid(transaction.user), "usedAt": date(now),
            "transaction": oid(transaction.id), "discountApplied": transaction.discount_amount,
            "originalAmount": transaction.amount, "finalAmount": transaction.final_amount });
        steps.push(referral_step(referral, transaction, 1, &json!({ "$push": { "usedBy": used } })));
    }
    steps.extend(teacher_step(transaction, 1));
    commit(store, steps, entry).await
}

/// How a credit is taken back.
#[derive(Debug)]
pub struct Reversal {
    /// What the purchase becomes.
    pub status: Status,
    /// More fields of the purchase.
    pub more: Map<String, Value>,
    /// What remains of the subscription; none: the buyer has none to shorten.
    pub expiry: Option<Timestamp>,
    /// The referral code that was used.
    pub referral: Option<Id>,
}

/// Takes a credit back: the mirror of [`credit`].
pub async fn reverse(
    store: &Store,
    transaction: &Transaction,
    holding: &Holding,
    reversal: Reversal,
    entry: Option<&Entry>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut steps = vec![status_step(transaction, reversal.status, reversal.more, now)];
    if let Some(expiry) = reversal.expiry {
        let set = json!({ "$set": { "studentInfo.planExpiryDate": date(expiry), "updatedAt": date(now) } });
        steps.push(holder_step(transaction, holding, &set));
    }
    steps.push(plan_step(transaction, -1));
    if let Some(referral) = reversal.referral {
        let pull = json!({ "$pull": { "usedBy": { "transaction": oid(transaction.id) } } });
        steps.push(referral_step(referral, transaction, -1, &pull));
    }
    steps.extend(teacher_step(transaction, -1));
    commit(store, steps, entry).await
}

async fn commit(store: &Store, steps: Vec<Value>, entry: Option<&Entry>) -> Result<bool, StoreError> {
    if let Some(entry) = entry {
        return store.audited_all(&steps, entry).await;
    }
    match store.transaction(&steps).await {
        Ok(_) => Ok(true),
        Err(StoreError::Aborted(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn status_step(
    transaction: &Transaction,
    status: Status,
    mut set: Map<String, Value>,
    now: Timestamp,
) -> Value {
    set.insert("status".into(), json!(status));
    set.insert("updatedAt".into(), date(now));
    json!({ "action": "updateOne", "collection": COLLECTION,
        "filter": { "_id": oid(transaction.id), "status": transaction.status }, "update": { "$set": set },
        "expect": { "matchedCount": 1 } })
}

/// Only while the buyer's expiry is what was read: two purchases at once must add up.
fn holder_step(transaction: &Transaction, holding: &Holding, update: &Value) -> Value {
    let known = holding.student_info.plan_expiry_date.map(date);
    json!({ "action": "updateOne", "collection": "users",
        "filter": { "_id": oid(transaction.user), "studentInfo.planExpiryDate": known }, "update": update,
        "expect": { "matchedCount": 1 } })
}

fn plan_step(transaction: &Transaction, by: i64) -> Value {
    json!({ "action": "updateOne", "collection": "plans", "filter": { "_id": oid(transaction.plan) },
        "update": { "$inc": { "purchases": by } } })
}

fn referral_step(referral: Id, transaction: &Transaction, by: i64, update: &Value) -> Value {
    let signed = |amount: &Num| {
        let paise = domain::money::paise(amount.as_f64()).unwrap_or(0);
        Num::rupees(paise * by)
    };
    let mut update = update.clone();
    if let Some(update) = update.as_object_mut() {
        update.insert(
            "$inc".into(),
            json!({ "totalUses": by, "totalDiscountGiven": signed(&transaction.discount_amount),
                "totalRevenue": signed(&transaction.final_amount) }),
        );
    }
    json!({ "action": "updateOne", "collection": "referrals", "filter": { "_id": oid(referral) }, "update": update })
}

fn teacher_step(transaction: &Transaction, by: i64) -> Option<Value> {
    let teacher = transaction.referred_by?;
    Some(
        json!({ "action": "updateOne", "collection": "users", "filter": { "_id": oid(teacher) }, "update": { "$inc": {
        "teacherInfo.totalStudents": by, "teacherInfo.totalReferrals": by, "teacherInfo.totalEarnings": by * EARNING } } }),
    )
}

/// Notes that somebody called off his subscription; it runs on until its expiry. Says whether one runs.
pub async fn cancelled(store: &Store, user: Id, now: Timestamp) -> Result<bool, StoreError> {
    let filter = json!({ "_id": oid(user), "studentInfo.planExpiryDate": { "$gt": date(now) } });
    let update = json!({ "$set": { "subscriptionCancelledAt": date(now) } });
    Ok(store.update_one("users", filter, update, false).await?.matched() == 1)
}

/// Notes an event of the provider. False: it was noted before.
pub async fn first_time(store: &Store, event: &str, kind: &str, now: Timestamp) -> Result<bool, StoreError> {
    match store.insert_one(EVENTS, json!({ "event": event, "kind": kind, "at": date(now) })).await {
        Ok(()) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forgets an event that could not be worked on, so that its repeat is.
pub async fn forget_event(store: &Store, event: &str) -> Result<(), StoreError> {
    store.delete_one(EVENTS, json!({ "event": event })).await
}

/// Keeps the report of a reconciliation.
pub async fn report(store: &Store, report: &Value, now: Timestamp) -> Result<(), StoreError> {
    let mut document = report.clone();
    if let Some(document) = document.as_object_mut() {
        document.insert("at".into(), date(now));
    }
    store.insert_one(REPORTS, document).await
}

/// The newest reports.
pub async fn reports(store: &Store, limit: u32) -> Result<Vec<Value>, StoreError> {
    let rest = json!({ "sort": { "at": -1 }, "limit": limit });
    let found = store.find::<Value>(REPORTS, json!({}), rest).await?;
    Ok(found.into_iter().map(crate::ejson::plain).collect())
}
