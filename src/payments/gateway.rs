//! The payment provider's interface: orders and payments, within a time limit. What it says never reaches a client.

use std::time::Duration;

use domain::payment::{checkout_message, is_signed};
use futures_util::{FutureExt, pin_mut, select};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use worker::Delay;

use crate::{
    config::PaymentSettings,
    http::error::{ApiError, ApiResult},
};

const LIMIT: Duration = Duration::from_secs(10);
/// While a buyer waits for a confirmation that the signature alone gives, too.
const SHORT_LIMIT: Duration = Duration::from_secs(3);
const NOT_SET_UP: ApiError = ApiError::Conflict("Payments are not set up on this server yet");

/// A payment, as the provider tells of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: String,
    /// The order it is for.
    pub order_id: Option<String>,
    /// Paise.
    #[serde(default)]
    pub amount: i64,
    /// ISO 4217.
    #[serde(default)]
    pub currency: String,
    /// `created`, `authorized`, `captured`, `refunded` or `failed`.
    #[serde(default)]
    pub status: String,
}

/// The provider.
pub struct Gateway {
    settings: PaymentSettings,
    http: reqwest::Client,
}

impl Gateway {
    /// With these settings.
    pub fn new(settings: PaymentSettings) -> Self {
        Self { settings, http: reqwest::Client::new() }
    }

    /// Opens an order; answers its id.
    pub async fn create_order(&self, paise: i64, receipt: &str) -> ApiResult<String> {
        #[derive(Deserialize)]
        struct Order {
            id: String,
        }
        if self.settings.key_id.is_empty() || self.settings.key_secret.is_empty() {
            return Err(NOT_SET_UP);
        }
        let body = json!({ "amount": paise, "currency": "INR", "receipt": receipt });
        let request = self.http.post(format!("{}/v1/orders", self.settings.base_url)).json(&body);
        Ok(self.send::<Order>(request, LIMIT).await?.id)
    }

    /// The payments of an order.
    pub async fn payments_of(&self, order: &str) -> ApiResult<Vec<Payment>> {
        #[derive(Deserialize)]
        struct Payments {
            items: Vec<Payment>,
        }
        let request = self.http.get(format!("{}/v1/orders/{order}/payments", self.settings.base_url));
        Ok(self.send::<Payments>(request, LIMIT).await?.items)
    }

    /// One payment; `None` when the provider does not say in time.
    pub async fn payment(&self, id: &str) -> Option<Payment> {
        let request = self.http.get(format!("{}/v1/payments/{id}", self.settings.base_url));
        self.send(request, SHORT_LIMIT).await.ok()
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        limit: Duration,
    ) -> ApiResult<T> {
        let failed = |what: String| ApiError::Unavailable(format!("payment provider: {what}"));
        let PaymentSettings { key_id, key_secret, .. } = &self.settings;
        let call = async {
            let response = request.basic_auth(key_id, Some(key_secret)).send().await;
            let response = response.map_err(|error| failed(error.without_url().to_string()))?;
            let status = response.status();
            if !status.is_success() {
                return Err(failed(format!("status {status}")));
            }
            let answer =
                response.json::<Value>().await.map_err(|error| failed(error.without_url().to_string()))?;
            serde_json::from_value(answer).map_err(|error| failed(error.to_string()))
        }
        .fuse();
        let limit = Delay::from(limit).fuse();
        pin_mut!(call, limit);
        select! {
            answer = call => answer,
            () = limit => Err(failed("no answer in time".into())),
        }
    }

    /// Whether the provider's checkout signed this order and payment.
    pub fn signed_checkout(&self, order: &str, payment: &str, signature: &str) -> bool {
        let secret = &self.settings.key_secret;
        !secret.is_empty() && is_signed(secret, checkout_message(order, payment).as_bytes(), signature)
    }

    /// Whether the provider signed these bytes of an event.
    pub fn signed_event(&self, body: &[u8], signature: &str) -> bool {
        let secret = &self.settings.webhook_secret;
        !secret.is_empty() && is_signed(secret, body, signature)
    }
}
