//! Liveness, for load balancers and people.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
};
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    http::error::{ApiError, ApiResult, ErrorBody},
    pages::OPENAPI,
    state::Shared,
};

const NOT_HERE: ApiError = ApiError::NotFound("There is nothing at this address");

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

/// What a client sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Echo {
    success: bool,
    message: &'static str,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    timestamp: Timestamp,
}

/// In development: the origin and the name of the client.
#[utoipa::path(get, path = "/test-connection", tag = "server", responses(
    (status = 200, body = Echo),
    (status = 404, body = ErrorBody, description = "Not in development"),
))]
pub async fn test_connection(State(state): State<Shared>, headers: HeaderMap) -> ApiResult<Json<Echo>> {
    if !state.is_development {
        return Err(NOT_HERE);
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Json(Echo {
        success: true,
        message: "The connection works",
        origin: text(header::ORIGIN).unwrap_or_else(|| "no origin".into()),
        user_agent: text(header::USER_AGENT),
        timestamp: durable::now(),
    }))
}

/// All operations by group.
#[derive(Serialize, ToSchema)]
pub struct Endpoints {
    success: bool,
    message: &'static str,
    endpoints: BTreeMap<String, Vec<String>>,
}

/// In development: all operations, from the API description.
#[utoipa::path(get, path = "/test", tag = "server", responses(
    (status = 200, body = Endpoints),
    (status = 404, body = ErrorBody, description = "Not in development"),
))]
pub async fn endpoints(State(state): State<Shared>) -> ApiResult<Json<Endpoints>> {
    #[derive(Deserialize)]
    struct Description {
        paths: BTreeMap<String, Map<String, Value>>,
    }
    if !state.is_development {
        return Err(NOT_HERE);
    }
    let description: Description =
        serde_json::from_str(OPENAPI).map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut endpoints: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, operations) in description.paths {
        let group = path.split('/').nth(1).unwrap_or_default().to_owned();
        let lines = operations.keys().map(|method| format!("{} /api{path}", method.to_uppercase()));
        endpoints.entry(group).or_default().extend(lines);
    }
    Ok(Json(Endpoints { success: true, message: "The operations of this API", endpoints }))
}
