//! The Worker's variables. docs/configuration.md lists them.

use worker::Env;

/// Settings that do not change while an isolate lives.
#[derive(Clone)]
pub struct Config {
    /// Signs tokens.
    pub jwt_secret: String,
    /// Web origins that may read answers, besides those of development.
    pub cors_origins: Vec<String>,
    /// Where the Data API is.
    pub store: store::Settings,
}

impl Config {
    /// Reads the environment, or says what is missing.
    pub fn read(env: &Env) -> Result<Self, String> {
        let variable = |name: &str| env.var(name).map(|value| value.to_string()).unwrap_or_default();
        let jwt_secret = variable("JWT_SECRET");
        if jwt_secret.is_empty() {
            return Err("JWT_SECRET is not set; see docs/configuration.md".into());
        }
        let origins = variable("CORS_ORIGINS");
        let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        Ok(Self {
            jwt_secret,
            cors_origins: origins.map(str::to_owned).collect(),
            store: durable::store_settings(env)
                .map_err(|error| format!("{error}; see docs/configuration.md"))?,
        })
    }
}
