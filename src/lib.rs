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
mod features;
mod health;
mod http;
mod leaderboard;
mod pages;
mod referrals;
mod regions;
mod state;
mod users;

use std::sync::OnceLock;

// The runtime finds the objects through these names.
pub use durable::{CallRoom, Leaderboard, RegionLobby, UserHub};
use worker::{Context, Env, Request, Response, Result, event};

use crate::app::App;

/// Built once per isolate.
static APP: OnceLock<App> = OnceLock::new();

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let app = match APP.get() {
        Some(app) => app,
        None => match App::new(&env) {
            Ok(app) => APP.get_or_init(|| app),
            Err(problem) => return http::rim::misconfigured(&problem),
        },
    };
    http::rim::handle(app, request, context).await
}

/// The API description, for `scripts/openapi` and its test.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn openapi() -> String {
    app::description()
}
