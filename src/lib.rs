//! The edge of AarambhApp: HTTP in, JSON out.
//!
//! A request passes [`http::rim`] (base paths, CORS, limits), the router of [`app`], an extractor of [`http::extract`],
//! and a handler; the answer leaves through the rim again. Rules are in `domain`, queries in `store`, live state in the
//! objects of `durable`.

mod app;
mod audit;
mod auth;
mod communication;
mod config;
mod email;
mod evaluation;
mod features;
mod games;
mod groups;
mod health;
mod http;
mod leaderboard;
mod lectures;
mod media;
mod pages;
mod payments;
mod plans;
mod records;
mod referrals;
mod regions;
mod retry;
mod state;
mod tutor;
mod users;

use std::sync::OnceLock;

// The runtime finds the objects through these names.
pub use durable::{CallRoom, GroupRoom, Leaderboard, RegionLobby, UserHub};
use worker::{
    Context, Env, Request, Response, Result, ScheduleContext, ScheduledEvent, console_error, event,
};

use crate::app::App;

/// Built once per isolate.
static APP: OnceLock<App> = OnceLock::new();

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The app of this isolate, or what its environment lacks.
fn app(env: &Env) -> std::result::Result<&'static App, String> {
    match APP.get() {
        Some(app) => Ok(app),
        None => App::new(env).map(|app| APP.get_or_init(|| app)),
    }
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    match app(&env) {
        Ok(app) => http::rim::handle(app, request, context).await,
        Err(problem) => http::rim::misconfigured(&problem),
    }
}

/// Runs every fifteen minutes (`[triggers]` in wrangler.toml).
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let problem = match app(&env) {
        Ok(app) => payments::reconcile(&app.state).await.err().map(|error| format!("{error:?}")),
        Err(problem) => Some(problem),
    };
    if let Some(problem) = problem {
        console_error!(
            "{}",
            serde_json::json!({ "level": "error", "scheduled": "reconcile", "detail": problem })
        );
    }
}

/// The API description, for `scripts/openapi` and its test.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn openapi() -> String {
    app::description()
}
