//! The Worker's variables. docs/configuration.md lists them.

use domain::budget::{Budgets, Prices};
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

/// Where TURN credentials come from.
#[derive(Clone)]
pub enum Turn {
    /// There is no TURN.
    None,
    /// Servers that know a secret of ours.
    Shared {
        /// Their addresses.
        urls: Vec<String>,
        /// The secret.
        secret: String,
    },
    /// A provider that makes them.
    Provider {
        /// Where.
        address: String,
        /// What opens it.
        token: String,
    },
}

impl Turn {
    fn read(variable: &impl Fn(&str) -> String) -> Self {
        let urls: Vec<String> = list(&variable("TURN_URLS"));
        let (secret, key, token) =
            (variable("TURN_SECRET"), variable("TURN_KEY_ID"), variable("TURN_KEY_TOKEN"));
        if !urls.is_empty() && !secret.is_empty() {
            Self::Shared { urls, secret }
        } else if !key.is_empty() && !token.is_empty() {
            let base = Some(variable("TURN_API_URL")).filter(|url| !url.is_empty());
            let base = base.unwrap_or_else(|| "https://rtc.live.cloudflare.com/v1".into());
            let address =
                format!("{}/turn/keys/{key}/credentials/generate-ice-servers", base.trim_end_matches('/'));
            Self::Provider { address, token }
        } else {
            Self::None
        }
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// Settings that do not change while an isolate lives.
#[derive(Clone)]
pub struct Config {
    /// Signs tokens.
    pub jwt_secret: String,
    /// Web origins that may read answers, besides those of development.
    pub cors_origins: Vec<String>,
    /// Requests are counted, and refused when they are too many.
    pub rate_limits: bool,
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
    /// Where TURN credentials come from.
    pub turn: Turn,
    /// Tokens that a learner may spend at the tutor in a day.
    pub budgets: Budgets,
    /// What they cost.
    pub prices: Prices,
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
        Ok(Self {
            jwt_secret,
            cors_origins: list(&variable("CORS_ORIGINS")),
            turn: Turn::read(&variable),
            rate_limits: variable("RATE_LIMITS") != "off",
            is_development: variable("ENVIRONMENT") == "development",
            public_url: given("PUBLIC_URL", "http://127.0.0.1:8787").trim_end_matches('/').to_owned(),
            email_from: given("EMAIL_FROM", "no-reply@aarambh.example"),
            password_hash,
            budgets: variable("AI_DAILY_TOKENS")
                .parse()
                .map_err(|()| "AI_DAILY_TOKENS must be a number, or like free=50000,basic=100000")?,
            prices: Prices::from_text(&given("AI_PRICES", "0.5,1.5"))
                .ok_or("AI_PRICES must be two prices in dollars for a million tokens, like 0.5,1.5")?,
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
