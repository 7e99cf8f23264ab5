//! Static pages, and the API description. They are small, so the Worker carries them itself.

use axum::{Router, http::header, routing::get};

use crate::state::Shared;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The API description, made by `scripts/openapi`.
pub const OPENAPI: &str = include_str!("../docs/openapi.json");

const PAGES: [(&str, &str, &str); 5] = [
    ("/openapi.json", "application/json", OPENAPI),
    ("/reset-password", HTML, include_str!("../public/reset-password.html")),
    ("/reset-password.js", SCRIPT, include_str!("../public/reset-password.js")),
    ("/demo/call", HTML, include_str!("../public/call.html")),
    ("/demo/call.js", SCRIPT, include_str!("../public/call.js")),
];

/// The routes of all pages.
pub fn router() -> Router<Shared> {
    PAGES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(async move || ([(header::CONTENT_TYPE, kind)], text)))
    })
}
