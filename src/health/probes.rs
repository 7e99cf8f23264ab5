//! Liveness, for load balancers and people.

use axum::Json;
use domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer of a probe.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `OK`.
    status: &'static str,
    /// For people.
    message: &'static str,
    /// Now.
    timestamp: Timestamp,
    /// A fixed value: the deployment mode is nobody's business.
    environment: &'static str,
}

/// The process answers. The database is not looked at.
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, body = Health)))]
pub async fn health() -> Json<Health> {
    Json(Health {
        status: "OK",
        message: "Aarambh is running",
        timestamp: durable::now(),
        environment: "production",
    })
}

/// A ping.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// Always true.
    success: bool,
    /// For people.
    message: &'static str,
    /// Now.
    timestamp: Timestamp,
}

/// A ping that touches nothing.
#[utoipa::path(get, path = "/keepalive", tag = "server", responses((status = 200, body = Alive)))]
pub async fn keepalive() -> Json<Alive> {
    Json(Alive { success: true, message: "Alive", timestamp: durable::now() })
}
