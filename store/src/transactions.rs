//! The `transactions` collection: purchases.

use domain::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    ejson::{Num, date, oid, or_default},
};

const COLLECTION: &str = "transactions";

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
    /// `pending`, `completed`, `failed`, `refunded` or `cancelled`.
    #[serde(default = "pending")]
    pub status: String,
    /// When the bought time begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_start_date: Option<Timestamp>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_end_date: Option<Timestamp>,
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
}

fn inr() -> String {
    "INR".into()
}

fn pending() -> String {
    "pending".into()
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
            payment_method: self.payment_method,
            description: self.description,
            error_code: self.error_code,
            error_description: self.error_description,
            completed_at: self.completed_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        }
    }
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
