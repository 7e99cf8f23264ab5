//! The rim: what every request passes first and last.

use std::{cell::Cell, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, StatusCode, Uri, header},
};
use futures_util::StreamExt;
use serde_json::json;
use tower_service::Service;
use worker::{Context, Response, console_error};

use super::{
    body::Streamed,
    error::{ApiError, Pending},
    extract::{Later, MAX_BODY, RequestId, claims},
    limits,
};
use crate::app::App;

/// Longest body of an upload, bytes: a recording of 5 MB with its form.
const MAX_UPLOAD: usize = 10 * 1024 * 1024 + 64 * 1024;
/// Most of a refused body that is read and dropped, bytes.
const MAX_DRAINED: usize = 16 * 1024 * 1024;
/// What handlers read. Each header costs a call into the runtime, so the others stay outside.
const READ_HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "upgrade",
    "origin",
    "user-agent",
    "idempotency-key",
    "x-razorpay-signature",
    "x-razorpay-event-id",
];
/// Those that only some routes read.
const MORE_HEADERS: [(&str, &[&str]); 3] =
    [("/chat/", &["accept"]), ("/audio/", &["range", "if-none-match"]), ("/media/", &["if-none-match"])];
/// Origins of development, besides those of the configuration (contract: x-server.cors).
const LOCAL_PORTS: [&str; 5] = ["3000", "3001", "8081", "8082", "19006"];
/// Headers of every answer (contract: x-server.securityHeaders).
const SECURITY_HEADERS: [(&str, &str); 11] = [
    ("strict-transport-security", "max-age=15552000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];
const CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:";

/// Takes a request through the router and back.
pub async fn handle(app: &App, mut request: worker::Request, context: Context) -> worker::Result<Response> {
    let request_id = request_id(&request);
    let origin = request.headers().get("origin")?.filter(|origin| is_allowed(app, origin));
    if request.method() == worker::Method::Options {
        return finish(axum::http::Response::new(Body::empty()), &request_id, origin.as_deref(), true).await;
    }
    let response = match incoming(app, &mut request).await {
        Ok(mut request) => {
            let extensions = request.extensions_mut();
            extensions.insert(RequestId(request_id.as_str().into()));
            extensions.insert(Later(Arc::new(context)));
            app.router.clone().call(request).await.unwrap_or_else(|never| match never {})
        }
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

/// The platform's own id of the request, or one of ours: a name of the isolate and a number.
fn request_id(request: &worker::Request) -> String {
    thread_local! {
        static ISOLATE: String = durable::new_id().to_string();
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }
    if let Ok(Some(ray)) = request.headers().get("cf-ray") {
        return ray;
    }
    let count = COUNT.with(|count| {
        count.set(count.get() + 1);
        count.get()
    });
    ISOLATE.with(|isolate| format!("{isolate}-{count}"))
}

fn is_allowed(app: &App, origin: &str) -> bool {
    let local = origin
        .strip_prefix("http://localhost:")
        .or_else(|| origin.strip_prefix("http://127.0.0.1:"))
        .is_some_and(|port| LOCAL_PORTS.contains(&port));
    local || origin == "http://10.0.2.2:8081" || app.cors_origins.iter().any(|allowed| allowed == origin)
}

/// The request as the router knows it, unless it comes too often.
async fn incoming(app: &App, request: &mut worker::Request) -> Result<Request<Body>, ApiError> {
    let bytes = body(request).await?;
    let mut incoming = Request::new(Body::empty());
    *incoming.uri_mut() = target(&request.inner().url())?;
    *incoming.method_mut() = Method::from_bytes(request.method().as_ref().as_bytes())
        .map_err(|_| ApiError::NotFound("There is nothing at this address"))?;
    let path = incoming.uri().path();
    let more = MORE_HEADERS.iter().find(|(prefix, _)| path.starts_with(prefix));
    let more = more.map_or(&[][..], |(_, names)| names).to_vec();
    for name in READ_HEADERS.into_iter().chain(more) {
        if let Ok(Some(value)) = request.headers().get(name)
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            incoming.headers_mut().insert(name, value);
        }
    }
    if app.rate_limits {
        limit(app, request, &incoming, &bytes).await?;
    }
    *incoming.body_mut() = Body::from(bytes);
    Ok(incoming)
}

async fn limit(
    app: &App,
    request: &worker::Request,
    incoming: &Request<Body>,
    body: &[u8],
) -> Result<(), ApiError> {
    let Some(class) = limits::class_of(incoming.method(), incoming.uri().path()) else { return Ok(()) };
    let claims = claims(incoming.headers(), &app.state).ok();
    let address = request.headers().get("cf-connecting-ip").ok().flatten().unwrap_or_default();
    let user = claims.map(|claims| claims.user_id);
    for (class, key) in limits::counted(class, user, &address, body) {
        limits::check(&app.state.env, class, key).await?;
    }
    Ok(())
}

/// Path and query of an address that the runtime has made well-formed, without the base path.
fn target(address: &str) -> Result<Uri, ApiError> {
    let whole = address.splitn(4, '/').nth(3).unwrap_or_default();
    let (path, query) = whole.split_once('?').map_or((whole, None), |(path, query)| (path, Some(query)));
    let path = format!("/{path}");
    let path = without_prefix(&path);
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    target.parse().map_err(|_| ApiError::BadRequest("The address is not valid"))
}

/// Reads the body whole: bodies here are small, and a bound that is checked first needs no stream.
async fn body(request: &mut worker::Request) -> Result<Vec<u8>, ApiError> {
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let is_upload = header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let most = if is_upload { MAX_UPLOAD } else { MAX_BODY };
    if header("content-length")
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length > most)
    {
        drain(request).await;
        return Err(ApiError::TooLarge);
    }
    let bytes = request.bytes().await.map_err(|error| ApiError::Internal(error.to_string()))?;
    if bytes.len() > most { Err(ApiError::TooLarge) } else { Ok(bytes) }
}

/// Reads a body of no use to its end, within a bound: an answer before that would break the connection under a client
/// that is still sending, and it would never see why.
async fn drain(request: &mut worker::Request) {
    let Ok(mut stream) = request.stream() else { return };
    let mut seen = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        seen += chunk.len();
        if seen > MAX_DRAINED {
            return;
        }
    }
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
    let stream = response.extensions_mut().remove::<Streamed>();
    let pending = response.extensions_mut().remove::<Pending>();
    let status = if preflight { StatusCode::NO_CONTENT } else { response.status() };
    let headers = FIXED.with(|fixed| match fixed {
        Some(fixed) => web_sys::Headers::new_with_headers(fixed),
        None => web_sys::Headers::new(),
    })?;
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str()
            && *name != header::CONTENT_LENGTH
        {
            headers.set(name.as_str(), value)?;
        }
    }
    let body = match pending {
        Some(pending) => {
            headers.set("content-type", "application/json")?;
            for (name, value) in &pending.headers {
                headers.set(name, value)?;
            }
            failed(pending, status, request_id)?
        }
        None => read(response).await?,
    };
    headers.set("x-request-id", request_id)?;
    if let Some(origin) = origin {
        allow(&headers, origin, preflight)?;
    }
    if let Some(socket) = socket {
        return Ok(Response::from_websocket(socket)?.with_headers(worker::Headers(headers)));
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(status.as_u16());
    init.set_headers(&headers);
    if let Some(Streamed(stream)) = stream {
        return Ok(web_sys::Response::new_with_opt_readable_stream_and_init(Some(&stream), &init)?.into());
    }
    let body = (!body.is_empty()).then(|| js_sys::Uint8Array::from(body.as_slice()));
    Ok(web_sys::Response::new_with_opt_js_u8_array_and_init(body.as_ref(), &init)?.into())
}

thread_local! {
    /// The headers of every answer, made once per isolate: each one set costs a call into the runtime.
    static FIXED: Option<web_sys::Headers> = fixed_headers().ok();
}

fn fixed_headers() -> Result<web_sys::Headers, wasm_bindgen::JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in SECURITY_HEADERS {
        headers.set(name, value)?;
    }
    headers.set("content-security-policy", CSP)?;
    headers.set("cache-control", "no-store")?;
    headers.set("vary", "Origin")?;
    Ok(headers)
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

fn allow(headers: &web_sys::Headers, origin: &str, preflight: bool) -> worker::Result<()> {
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
