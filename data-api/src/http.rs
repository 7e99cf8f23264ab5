//! The HTTP side: routes, credentials, limits, logs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Path, Request as HttpRequest, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bson::{Document, doc};
use http_body_util::LengthLimitError;
use mongodb::Client;
use serde::Deserialize;
use tokio::sync::oneshot;
use tower_http::compression::CompressionLayer;

use crate::{
    actions::{Action, Body},
    auth,
    config::{ServeConfig, connect},
    ejson::Format,
    error::ApiError,
    metrics::Metrics,
    transaction::{self, Step},
};

const ACTIONS: [&str; 11] = [
    "findOne",
    "find",
    "insertOne",
    "insertMany",
    "updateOne",
    "updateMany",
    "replaceOne",
    "deleteOne",
    "deleteMany",
    "aggregate",
    "transaction",
];
/// How long requests at work may go on after the end of their own limit, once the service has been told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// Slower requests are logged as warnings (the product's alert for the database).
const SLOW: Duration = Duration::from_millis(200);

struct Service {
    client: Client,
    config: ServeConfig,
    metrics: Arc<Metrics>,
}

/// Listens until told to stop, then finishes what is at work.
pub async fn serve(config: ServeConfig) -> Result<(), String> {
    config.check()?;
    let metrics = Arc::new(Metrics::new());
    let mut options = config.database.options().await?;
    options.cmap_event_handler = Some(metrics.pool_watcher());
    let client = connect(options).await?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let patience = config.limit() + GRACE;
    let app = app(Arc::new(Service { client, config, metrics }));
    tracing::info!(%address, "ready");
    let (told, stopping) = oneshot::channel();
    let graceful = async {
        stop().await;
        let _ = told.send(());
    };
    tokio::select! {
        done = axum::serve(listener, app).with_graceful_shutdown(graceful) => {
            done.map_err(|error| error.to_string())?;
            tracing::info!("stopped");
        }
        () = async { let _ = stopping.await; tokio::time::sleep(patience).await } => {
            tracing::warn!("stopped; some connections were still busy");
        }
    }
    Ok(())
}

fn app(service: Arc<Service>) -> Router {
    Router::new()
        .route("/action/{name}", post(action))
        .route("/app/{app}/endpoint/data/v1/action/{name}", post(action_of_app))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics_text))
        .fallback(async || ApiError::NotFound("there is nothing at this path".into()))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(echo_request_id))
        .with_state(service)
}

async fn stop() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    data_source: Option<String>,
    database: Option<String>,
    actions: Option<Vec<Step>>,
    #[serde(flatten)]
    body: Body,
}

/// The caller's id of a request comes back with every answer, errors of the router included.
async fn echo_request_id(request: HttpRequest, next: Next) -> Response {
    let name = HeaderName::from_static("x-request-id");
    let id = request.headers().get(&name).cloned();
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(name, id);
    }
    response
}

async fn action_of_app(
    state: State<Arc<Service>>,
    Path((_app, name)): Path<(String, String)>,
    request: HttpRequest,
) -> Response {
    action(state, Path(name), request).await
}

// The service is native: the ban on std clocks concerns the Worker.
#[expect(clippy::disallowed_methods)]
async fn action(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    request: HttpRequest,
) -> Response {
    let began = Instant::now();
    let _at_work = service.metrics.at_work();
    let known = ACTIONS.iter().copied().find(|known| *known == name);
    let headers = request.headers().clone();
    let response = tokio::time::timeout(service.config.limit(), answer(&service, known, &name, request))
        .await
        .unwrap_or_else(|_| Err(ApiError::Unavailable("the request took too long".into())))
        .unwrap_or_else(IntoResponse::into_response);
    let (took, status) = (began.elapsed(), response.status().as_u16());
    service.metrics.answered(known.unwrap_or("unknown"), status, took);
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if status >= 500 || took > SLOW {
        tracing::warn!(action = name, status, ms, request_id, "request");
    } else {
        tracing::debug!(action = name, status, ms, request_id, "request");
    }
    response
}

/// The whole body, or why it is not taken.
async fn read_body(request: HttpRequest, most: usize) -> Result<Bytes, ApiError> {
    to_bytes(request.into_body(), most).await.map_err(|error| {
        let limited = std::error::Error::source(&error).is_some_and(|cause| cause.is::<LengthLimitError>());
        if limited {
            ApiError::TooLarge(format!("the body is larger than {most} bytes"))
        } else {
            ApiError::InvalidParameter("the body ended early".into())
        }
    })
}

async fn answer(
    service: &Service,
    known: Option<&'static str>,
    name: &str,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    auth::check(request.headers(), &service.config.keys)?;
    let name = known.ok_or_else(|| ApiError::NotFound(format!("there is no action {name}")))?;
    let format =
        Format::from_accept(request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()));
    let body = read_body(request, service.config.max_body).await?;
    let request: Request = serde_json::from_slice(&body)
        .map_err(|error| ApiError::InvalidParameter(format!("the body cannot be read: {error}")))?;
    let needed = |name: &str, value: Option<String>| {
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::InvalidParameter(format!("{name} is required")))
    };
    needed("dataSource", request.data_source)?;
    let database = needed("database", request.database)?;
    if !service.config.databases.contains(&database) {
        return Err(ApiError::Forbidden(format!("database {database} is not on the list of this service")));
    }
    let database = service.client.database(&database);
    let limit = service.config.limit();
    let (status, document) = if name == "transaction" {
        let steps =
            request.actions.ok_or_else(|| ApiError::InvalidParameter("actions is required".into()))?;
        (StatusCode::OK, transaction::run(&service.client, &database, steps, limit).await?)
    } else {
        let collection = needed("collection", request.body.collection.clone())?;
        let action = Action::read(name, request.body)?;
        let status = if action.inserts() { StatusCode::CREATED } else { StatusCode::OK };
        (status, action.run(&database, &collection, limit, None).await?)
    };
    Ok(written(status, format, document))
}

fn written(status: StatusCode, format: Format, document: Document) -> Response {
    let text = format.write(document.into()).to_string();
    (status, [(header::CONTENT_TYPE, format.content_type())], text).into_response()
}

async fn health(State(service): State<Arc<Service>>) -> Response {
    let database = service.client.database("admin");
    match tokio::time::timeout(Duration::from_secs(2), database.run_command(doc! { "ping": 1 })).await {
        Ok(Ok(_)) => (StatusCode::OK, axum::Json(serde_json::json!({ "status": "ok" }))).into_response(),
        _ => ApiError::Unavailable("the database does not answer".into()).into_response(),
    }
}

async fn metrics_text(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, ApiError> {
    auth::check(&headers, &service.config.keys)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], service.metrics.text()).into_response())
}
