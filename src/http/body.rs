//! The envelopes of success.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// `{success, message, data}`.
#[derive(Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always true.
    pub success: bool,
    /// For the user.
    pub message: &'static str,
    /// What was asked for.
    pub data: T,
}

/// `{success, data}`.
#[derive(Serialize, ToSchema)]
pub struct DataOnly<T> {
    /// Always true.
    pub success: bool,
    /// What was asked for.
    pub data: T,
}

/// `{success, message}`.
#[derive(Serialize, ToSchema)]
pub struct MessageOnly {
    /// Always true.
    pub success: bool,
    /// For the user.
    pub message: &'static str,
}

/// `{success}`.
#[derive(Serialize, ToSchema)]
pub struct Ok {
    /// Always true.
    pub success: bool,
}

/// Answers with a message and data.
pub fn envelope<T>(message: &'static str, data: T) -> Json<Envelope<T>> {
    Json(Envelope { success: true, message, data })
}

/// Answers with data.
pub fn data<T>(data: T) -> Json<DataOnly<T>> {
    Json(DataOnly { success: true, data })
}

/// Answers with a message.
pub fn message(message: &'static str) -> Json<MessageOnly> {
    Json(MessageOnly { success: true, message })
}

/// Answers that it is done.
pub fn ok() -> Json<Ok> {
    Json(Ok { success: true })
}

/// Headers of answers that phones poll (contract: NoStore).
pub type NoStore = [(&'static str, &'static str); 4];

/// See [`NoStore`].
pub const NO_STORE: NoStore = [
    ("cache-control", "no-store, no-cache, must-revalidate, proxy-revalidate"),
    ("pragma", "no-cache"),
    ("expires", "0"),
    ("surrogate-control", "no-store"),
];

/// A body that comes in pieces, on its way through axum: the rim sends it as it comes.
#[derive(Clone)]
pub struct Streamed(pub worker::send::SendWrapper<web_sys::ReadableStream>);

/// A WebSocket upgrade on its way through axum.
pub struct Upgrade(pub worker::Response);

impl IntoResponse for Upgrade {
    fn into_response(self) -> Response {
        Response::from(self.0)
    }
}
