//! The Worker's variables. docs/configuration.md lists them.

use worker::Env;

/// How new passwords are hashed; both kinds are always read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PasswordHash {
    /// Cost 12; the old server reads it, too.
    Bcrypt,
    /// Argon2id with the parameters that OWASP advises; the way back to the old server is closed.
    Argon2id,
}

/// The model behind the tutor. Without a key the tutor is closed, and scores are estimates.
#[derive(Clone, Default)]
pub struct AiSettings {
    /// Everything before `/chat/completions`.
    pub base_url: String,
    /// API key.
    pub key: String,
    /// Name of the model.
    pub model: String,
}

/// The payment provider. Without its keys nothing is sold.
#[derive(Clone, Default)]
pub struct PaymentSettings {
    /// Everything before `/v1`.
    pub base_url: String,
    /// Names us.
    pub key_id: String,
    /// Signs checkouts.
    pub key_secret: String,
    /// Signs events.
    pub webhook_secret: String,
}

/// Settings that do not change while an isolate lives.
#[derive(Clone)]
pub struct Config {
    /// Signs tokens.
    pub jwt_secret: String,
    /// Web origins that may read answers, besides those of development.
    pub cors_origins: Vec<String>,
    /// Debugging aids answer.
    pub is_development: bool,
    /// Where links in letters lead, without a slash at the end.
    pub public_url: String,
    /// Sender of letters.
    pub email_from: String,
    /// How new passwords are hashed.
    pub password_hash: PasswordHash,
    /// The payment provider.
    pub payments: PaymentSettings,
    /// The model behind the tutor.
    pub ai: AiSettings,
    /// Recordings are scored without a token, too.
    pub anonymous_pronunciation: bool,
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
        let password_hash = match variable("PASSWORD_HASH").as_str() {
            "" | "bcrypt" => PasswordHash::Bcrypt,
            "argon2id" => PasswordHash::Argon2id,
            other => return Err(format!("PASSWORD_HASH is {other}; it must be bcrypt or argon2id")),
        };
        let given = |name: &str, otherwise: &str| {
            Some(variable(name)).filter(|value| !value.is_empty()).unwrap_or_else(|| otherwise.to_owned())
        };
        let origins = variable("CORS_ORIGINS");
        let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        Ok(Self {
            jwt_secret,
            cors_origins: origins.map(str::to_owned).collect(),
            is_development: variable("ENVIRONMENT") == "development",
            public_url: given("PUBLIC_URL", "http://127.0.0.1:8787").trim_end_matches('/').to_owned(),
            email_from: given("EMAIL_FROM", "no-reply@aarambh.example"),
            password_hash,
            anonymous_pronunciation: variable("ANONYMOUS_PRONUNCIATION") == "on",
            ai: AiSettings {
                base_url: given("OPENAI_BASE_URL", "https://api.openai.com/v1")
                    .trim_end_matches('/')
                    .to_owned(),
                key: variable("OPENAI_API_KEY"),
                model: given("OPENAI_MODEL", "gpt-3.5-turbo"),
            },
            payments: PaymentSettings {
                base_url: given("RAZORPAY_BASE_URL", "https://api.razorpay.com")
                    .trim_end_matches('/')
                    .to_owned(),
                key_id: variable("RAZORPAY_KEY_ID"),
                key_secret: variable("RAZORPAY_KEY_SECRET"),
                webhook_secret: variable("RAZORPAY_WEBHOOK_SECRET"),
            },
            store: durable::store_settings(env)
                .map_err(|error| format!("{error}; see docs/configuration.md"))?,
        })
    }
}
