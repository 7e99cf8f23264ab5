//! The `transactions` collection: purchases. What moves money or subscriptions is in `purchases`.

mod statistics;

use domain::{Id, Timestamp, paging::Page, payment::Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default},
    plans::PlanFeature,
    users::between,
};

pub use statistics::*;

pub(crate) const COLLECTION: &str = "transactions";

/// A purchase. `user` and `plan` are ids, or expanded where an operation says so.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction<User = Id, Plan = Id> {
    /// Transaction id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Who buys.
    pub user: User,
    /// What he buys.
    pub plan: Plan,
    /// List price, rupees.
    #[serde(default)]
    pub amount: Num,
    /// ISO 4217.
    #[serde(default = "inr")]
    pub currency: String,
    /// Rupees off.
    #[serde(default)]
    pub discount_amount: Num,
    /// What is paid, rupees.
    #[serde(default)]
    pub final_amount: Num,
    /// The provider's id of the order.
    #[serde(default, deserialize_with = "or_default")]
    pub razorpay_order_id: String,
    /// The provider's id of the payment, once it was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub razorpay_payment_id: Option<String>,
    /// The code as typed.
    pub referral_code: Option<String>,
    /// The teacher whose code it is.
    pub referred_by: Option<Id>,
    /// Percent off.
    #[serde(default)]
    pub discount_percentage: Num,
    /// Where it stands.
    #[serde(default = "pending")]
    pub status: Status,
    /// When the bought time begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_start_date: Option<Timestamp>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_end_date: Option<Timestamp>,
    /// The end once more, under the name that the app reads.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// `razorpay`, `wallet` or `coupon`.
    #[serde(default = "razorpay")]
    pub payment_method: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Why it failed, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Creation.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default, deserialize_with = "or_default")]
    pub updated_at: Timestamp,
    /// Version counter of the old server.
    #[serde(rename = "__v", default)]
    pub version: Num,
    /// What was sold, as it was then; not sent.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub sold: Option<Sold>,
    /// Who bought, as he was then; not sent.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub buyer: Option<Buyer>,
    /// The document of the code; not sent.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub referral: Option<Id>,
}

/// A plan as it was sold: later changes of the plan change nothing for the buyer.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sold {
    /// Display name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Rupees.
    pub price: Num,
    /// Count of units.
    pub duration: Num,
    /// `days`, `weeks`, `months` or `years`.
    pub duration_type: String,
    /// What it brings.
    #[serde(default)]
    pub features: Vec<PlanFeature>,
}

/// A buyer as he was.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Buyer {
    /// Display name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Number.
    pub phone: String,
}

fn inr() -> String {
    "INR".into()
}

fn pending() -> Status {
    Status::Pending
}

fn razorpay() -> String {
    "razorpay".into()
}

impl<User, Plan> Transaction<User, Plan> {
    /// The same purchase with other linked documents.
    pub fn linked<U, P>(self, user: U, plan: P) -> Transaction<U, P> {
        Transaction {
            id: self.id,
            user,
            plan,
            amount: self.amount,
            currency: self.currency,
            discount_amount: self.discount_amount,
            final_amount: self.final_amount,
            razorpay_order_id: self.razorpay_order_id,
            razorpay_payment_id: self.razorpay_payment_id,
            referral_code: self.referral_code,
            referred_by: self.referred_by,
            discount_percentage: self.discount_percentage,
            status: self.status,
            subscription_start_date: self.subscription_start_date,
            subscription_end_date: self.subscription_end_date,
            expires_at: self.expires_at,
            payment_method: self.payment_method,
            description: self.description,
            error_code: self.error_code,
            error_description: self.error_description,
            completed_at: self.completed_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
            sold: self.sold,
            buyer: self.buyer,
            referral: self.referral,
        }
    }

    /// What is paid, paise.
    pub fn final_paise(&self) -> i64 {
        domain::money::paise(self.final_amount.as_f64()).unwrap_or(0)
    }
}

/// One purchase.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Transaction>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// The purchase with this order.
pub async fn by_order(store: &Store, order: &str) -> Result<Option<Transaction>, StoreError> {
    store.find_one(COLLECTION, json!({ "razorpayOrderId": order }), json!({})).await
}

/// Which purchases; everything absent is no filter.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this buyer.
    pub user: Option<Id>,
    /// Of one of these buyers.
    pub users: Option<Vec<Id>>,
    /// Of this plan.
    pub plan: Option<Id>,
    /// A text that is no status matches nothing.
    pub status: Option<String>,
    /// Made from here on.
    pub from: Option<Timestamp>,
    /// Made up to here.
    pub until: Option<Timestamp>,
}

impl Wanted {
    pub(crate) fn filter(&self) -> Value {
        let mut filter = Map::new();
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                filter.insert(key.to_owned(), value);
            }
        };
        let among = self
            .users
            .as_ref()
            .map(|users| json!({ "$in": users.iter().copied().map(oid).collect::<Vec<_>>() }));
        add("user", self.user.map(oid).or(among));
        add("plan", self.plan.map(oid));
        add("status", self.status.as_ref().map(|status| json!(status)));
        add("createdAt", between(self.from, self.until));
        Value::Object(filter)
    }
}

/// A page of purchases, newest first, and the count of all matches.
pub async fn page(store: &Store, wanted: &Wanted, page: Page) -> Result<(Vec<Transaction>, u64), StoreError> {
    let rest = json!({ "sort": { "createdAt": -1, "_id": -1 }, "skip": page.offset(), "limit": page.limit });
    futures_util::try_join!(
        store.find(COLLECTION, wanted.filter(), rest),
        store.count(COLLECTION, wanted.filter()),
    )
}

/// An open order of the same buyer for the same thing at the same price, not older than `since`.
pub async fn open_order(
    store: &Store,
    user: Id,
    plan: Id,
    final_amount: &Num,
    code: Option<&str>,
    since: Timestamp,
) -> Result<Option<Transaction>, StoreError> {
    let filter = json!({ "user": oid(user), "plan": oid(plan), "status": "pending", "finalAmount": final_amount,
        "referralCode": code, "createdAt": { "$gt": date(since) }, "razorpayOrderId": { "$regex": "^order_" } });
    let rest = json!({ "sort": { "createdAt": -1 }, "limit": 1 });
    Ok(store.find(COLLECTION, filter, rest).await?.pop())
}

/// Orders that nobody paid so far, made between these times, oldest first.
pub async fn unsettled(
    store: &Store,
    from: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Transaction>, StoreError> {
    let filter = json!({ "status": "pending", "createdAt": { "$gt": date(from), "$lt": date(until) } });
    store.find(COLLECTION, filter, json!({ "sort": { "createdAt": 1 }, "limit": limit })).await
}

/// Finished purchases credited to a teacher, newest first.
pub async fn credited_to(store: &Store, teacher: Id, limit: u32) -> Result<Vec<Transaction>, StoreError> {
    let filter = json!({ "referredBy": oid(teacher), "status": "completed" });
    store.find(COLLECTION, filter, json!({ "sort": { "createdAt": -1 }, "limit": limit })).await
}

/// Count, discounts and sales of a teacher's finished purchases.
pub async fn credit_totals(store: &Store, teacher: Id) -> Result<CreditTotals, StoreError> {
    let pipeline = json!([
        { "$match": { "referredBy": oid(teacher), "status": "completed" } },
        { "$group": { "_id": null, "count": { "$sum": 1 }, "discount": { "$sum": "$discountAmount" } } },
    ]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop().unwrap_or_default())
}

/// See [`credit_totals`].
#[derive(Debug, Default, Deserialize)]
pub struct CreditTotals {
    /// Purchases.
    pub count: Num,
    /// Rupees off in all.
    pub discount: Num,
}

/// Count of purchases that carry exactly this code and were paid, or may still be.
pub async fn count_with_code(store: &Store, code: &str, pending_since: Timestamp) -> Result<u64, StoreError> {
    let filter = json!({ "referralCode": code, "$or": [
        { "status": { "$in": ["completed", "refunded"] } },
        { "status": "pending", "createdAt": { "$gte": date(pending_since) } }] });
    store.count(COLLECTION, filter).await
}

/// A purchase that was paid, and its code as typed.
#[derive(Debug, Deserialize)]
pub struct Bought {
    /// Transaction id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// The code.
    #[serde(rename = "referralCode")]
    pub code: Option<String>,
}

/// What somebody paid for; the newest hundred purchases.
pub async fn bought(store: &Store, user: Id) -> Result<Vec<Bought>, StoreError> {
    let filter = json!({ "user": oid(user), "status": "completed" });
    let rest = json!({ "sort": { "createdAt": -1 }, "projection": { "referralCode": 1 }, "limit": 100 });
    store.find(COLLECTION, filter, rest).await
}
