//! The router with everything on it.

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit};
use worker::Env;

use crate::{
    audit, auth, communication,
    config::Config,
    evaluation, features, games, groups, health,
    http::error::ApiError,
    leaderboard, lectures, media, pages, payments, plans, records, referrals, regions,
    state::{AppState, Shared},
    tutor, users,
};

const NOTHING: ApiError = ApiError::NotFound("There is nothing at this address");

/// What an isolate builds once.
pub struct App {
    /// All routes.
    pub router: Router,
    /// What handlers share.
    pub state: Shared,
    /// Web origins that may read answers.
    pub cors_origins: Vec<String>,
    /// Requests are counted.
    pub rate_limits: bool,
}

impl App {
    /// Builds the router, or says what the environment lacks.
    pub fn new(env: &Env) -> Result<Self, String> {
        let config = Config::read(env)?;
        let state = Arc::new(AppState::new(env.clone(), &config));
        let router = Router::new()
            .merge(health::router())
            .merge(auth::router())
            .merge(users::router())
            .merge(regions::router())
            .merge(referrals::router())
            .merge(features::router())
            .merge(games::router())
            .merge(lectures::router())
            .merge(plans::router())
            .merge(payments::router())
            .merge(tutor::router())
            .merge(evaluation::router())
            .merge(media::router())
            .merge(audit::router())
            .merge(pages::router())
            .merge(communication::router())
            .merge(groups::router())
            .merge(records::router())
            .merge(leaderboard::router());
        #[cfg(feature = "fault-injection")]
        let router = router.merge(communication::faults());
        let router = router
            .fallback(async || NOTHING)
            .method_not_allowed_fallback(async || NOTHING)
            // The rim bounds bodies, by what a route takes.
            .layer(DefaultBodyLimit::disable())
            .with_state(state.clone());
        Ok(Self { router, state, cors_origins: config.cors_origins, rate_limits: config.rate_limits })
    }
}

/// The API description as JSON.
#[cfg(not(target_arch = "wasm32"))]
pub fn description() -> String {
    use utoipa::openapi::{
        Components, InfoBuilder, OpenApiBuilder, Server,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    };
    let info = InfoBuilder::new().title("Aarambh").version(env!("CARGO_PKG_VERSION")).description(Some(
        "The backend of AarambhApp. Every path answers under /api, under /api/api, and without prefix.",
    ));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let mut components = Components::new();
    // The description of a generic user names these without bringing them along.
    components.schemas.insert("Option".into(), <Option<domain::Id> as utoipa::PartialSchema>::schema());
    components.schemas.insert("UserRef".into(), <store::users::UserRef as utoipa::PartialSchema>::schema());
    components.schemas.insert("ShownBuyer".into(), <payments::ShownBuyer as utoipa::PartialSchema>::schema());
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let mut whole = OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new("/api")]))
        .components(Some(components))
        .build();
    for part in [
        health::describe(),
        auth::describe(),
        users::describe(),
        regions::describe(),
        referrals::describe(),
        features::describe(),
        games::describe(),
        lectures::describe(),
        plans::describe(),
        payments::describe(),
        tutor::describe(),
        evaluation::describe(),
        media::describe(),
        audit::describe(),
        communication::describe(),
        groups::describe(),
        records::describe(),
        leaderboard::describe(),
    ] {
        whole.merge(part);
    }
    whole.to_pretty_json().map(|json| json + "\n").unwrap_or_default()
}
