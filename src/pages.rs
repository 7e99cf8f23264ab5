//! Static pages. They are small, so the Worker carries them itself.

use axum::{Router, http::header, routing::get};

use crate::state::Shared;

const PAGES: [(&str, &str, &str); 2] = [
    ("/reset-password", "text/html; charset=utf-8", include_str!("../public/reset-password.html")),
    ("/reset-password.js", "text/javascript; charset=utf-8", include_str!("../public/reset-password.js")),
];

/// The routes of all pages.
pub fn router() -> Router<Shared> {
    PAGES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(async move || ([(header::CONTENT_TYPE, kind)], text)))
    })
}
