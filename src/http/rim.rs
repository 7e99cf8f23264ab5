//! The rim: what every request passes first and last.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header},
};
use serde_json::json;
use tower_service::Service;
use worker::{Context, Headers, Response, ResponseBody, console_error};

use super::{
    error::{ApiError, Pending},
    extract::MAX_BODY,
};
use crate::app::App;

/// Origins of development, besides those of the configuration (contract: x-server.cors).
const LOCAL_PORTS: [&str; 5] = ["3000", "3001", "8081", "8082", "19006"];
/// Headers of every answer (contract: x-server.securityHeaders).
const SECURITY_HEADERS: [(&str, &str); 10] = [
    ("strict-transport-security", "max-age=15552000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("x-dns-prefetch-control", "off"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];
const CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:";

/// Takes a request through the router and back.
pub async fn handle(app: &App, mut request: worker::Request, _context: Context) -> worker::Result<Response> {
    let request_id = request_id(&request);
    let origin = request.headers().get("origin")?.filter(|origin| is_allowed(app, origin));
    if request.method() == worker::Method::Options {
        return finish(axum::http::Response::new(Body::empty()), &request_id, origin.as_deref(), true).await;
    }
    let response = match incoming(&mut request).await {
        Ok(request) => app.router.clone().call(request).await.unwrap_or_else(|never| match never {}),
        Err(error) => axum::response::IntoResponse::into_response(error),
    };
    finish(response, &request_id, origin.as_deref(), false).await
}

/// The answer when the Worker cannot run at all.
pub fn misconfigured(problem: &str) -> worker::Result<Response> {
    console_error!("{}", json!({ "level": "error", "message": problem }));
    let body = json!({ "success": false, "message": "The service is not set up yet", "code": "UNAVAILABLE" });
    Ok(Response::from_json(&body)?.with_status(503))
}

fn request_id(request: &worker::Request) -> String {
    let given = request.headers().get("cf-ray").ok().flatten();
    given.unwrap_or_else(|| durable::new_id().to_string())
}

fn is_allowed(app: &App, origin: &str) -> bool {
    let local = origin
        .strip_prefix("http://localhost:")
        .or_else(|| origin.strip_prefix("http://127.0.0.1:"))
        .is_some_and(|port| LOCAL_PORTS.contains(&port));
    local || origin == "http://10.0.2.2:8081" || app.cors_origins.iter().any(|allowed| allowed == origin)
}

/// Reads the request whole: bodies here are small, and a bound that is checked first needs no stream.
async fn incoming(request: &mut worker::Request) -> Result<Request<Body>, ApiError> {
    let broken = |error: worker::Error| ApiError::Internal(error.to_string());
    let url = request.url().map_err(broken)?;
    let path = without_prefix(url.path());
    let target = url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let uri: Uri = target.parse().map_err(|_| ApiError::BadRequest("The address is not valid"))?;
    let method = Method::from_bytes(request.method().as_ref().as_bytes())
        .map_err(|_| ApiError::NotFound("There is nothing at this address"))?;
    let mut headers = HeaderMap::new();
    for name in ["authorization", "content-type", "upgrade", "user-agent", "origin", "accept"] {
        if let Ok(Some(value)) = request.headers().get(name)
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            headers.insert(name, value);
        }
    }
    let length = request
        .headers()
        .get("content-length")
        .ok()
        .flatten()
        .and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(ApiError::TooLarge);
    }
    let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    let bytes = if has_body { request.bytes().await.unwrap_or_default() } else { Vec::new() };
    if bytes.len() > MAX_BODY {
        return Err(ApiError::TooLarge);
    }
    let mut incoming = Request::new(Body::from(bytes));
    (*incoming.method_mut(), *incoming.uri_mut(), *incoming.headers_mut()) = (method, uri, headers);
    Ok(incoming)
}

/// Every route answers under `/api`, `/api/api` and without prefix (contract: x-base-paths).
fn without_prefix(path: &str) -> &str {
    let strip = |path: &'_ str| -> Option<usize> {
        let rest = path.strip_prefix("/api")?;
        (rest.is_empty() || rest.starts_with('/')).then_some(4)
    };
    let mut rest = path;
    for _ in 0..2 {
        if let Some(length) = strip(rest) {
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    let rest = if rest.len() > 1 { rest.trim_end_matches('/') } else { rest };
    if rest.is_empty() { "/" } else { rest }
}

/// Writes errors and headers, and gives the answer a fixed length: axum's own body would leave in chunks.
async fn finish(
    mut response: axum::http::Response<Body>,
    request_id: &str,
    origin: Option<&str>,
    preflight: bool,
) -> worker::Result<Response> {
    let socket = response.extensions_mut().remove::<worker::WebSocket>();
    let pending = response.extensions_mut().remove::<Pending>();
    let status = if preflight { StatusCode::NO_CONTENT } else { response.status() };
    let headers = Headers::new();
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str() {
            headers.set(name.as_str(), value)?;
        }
    }
    let body = match pending {
        Some(pending) => {
            headers.set(header::CONTENT_TYPE.as_str(), "application/json")?;
            if status == StatusCode::SERVICE_UNAVAILABLE {
                headers.set("retry-after", "5")?;
            }
            failed(pending, status, request_id)?
        }
        None => read(response).await?,
    };
    for (name, value) in SECURITY_HEADERS {
        headers.set(name, value)?;
    }
    headers.set("content-security-policy", CSP)?;
    headers.set("x-request-id", request_id)?;
    if !headers.has("cache-control")? {
        headers.set("cache-control", "no-store")?;
    }
    headers.set("vary", "Origin")?;
    if let Some(origin) = origin {
        allow(&headers, origin, preflight)?;
    }
    let response = match socket {
        Some(socket) => Response::from_websocket(socket)?,
        None if body.is_empty() => Response::from_body(ResponseBody::Empty)?,
        None => Response::from_body(ResponseBody::Body(body))?,
    };
    Ok(response.with_headers(headers).with_status(status.as_u16()))
}

fn failed(pending: Pending, status: StatusCode, request_id: &str) -> worker::Result<Vec<u8>> {
    if let Some(detail) = &pending.detail {
        let line =
            json!({ "level": "error", "requestId": request_id, "status": status.as_u16(), "detail": detail });
        console_error!("{line}");
    }
    let mut body = pending.body;
    request_id.clone_into(&mut body.request_id);
    Ok(serde_json::to_vec(&body)?)
}

async fn read(response: axum::http::Response<Body>) -> worker::Result<Vec<u8>> {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    bytes.map(Vec::from).map_err(|error| worker::Error::RustError(error.to_string()))
}

fn allow(headers: &Headers, origin: &str, preflight: bool) -> worker::Result<()> {
    headers.set("access-control-allow-origin", origin)?;
    headers.set("access-control-allow-credentials", "true")?;
    if preflight {
        headers.set("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS")?;
        let allowed = "Content-Type,Authorization,Accept,Origin,X-Requested-With";
        headers.set("access-control-allow-headers", allowed)?;
        headers.set("access-control-max-age", "86400")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_path_leads_to_the_same_route() {
        for (given, route) in [
            ("/api/auth/me", "/auth/me"),
            ("/api/api/auth/me", "/auth/me"),
            ("/auth/me", "/auth/me"),
            ("/auth/me/", "/auth/me"),
            ("/apiary", "/apiary"),
            ("/api", "/"),
            ("/", "/"),
            ("/api/api/api/x", "/api/x"),
        ] {
            assert_eq!(without_prefix(given), route, "{given}");
        }
    }
}
