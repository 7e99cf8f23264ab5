//! How often one user, or one address without a user, may ask for something (DESIGN §8).
//!
//! Cloudflare's rate-limit bindings count; the numbers stand in `wrangler.toml` and, for the headers, here.

use axum::http::Method;
use domain::{Id, email};
use serde_json::{Value, json};
use worker::{Env, console_error};

use super::error::{ApiError, ApiResult};

/// What is limited together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Everything that has no limit of its own.
    General,
    /// What a model answers.
    Ai,
    /// Files.
    Upload,
    /// Proving who one is: by address and account.
    SignIn,
}

impl Class {
    fn binding(self) -> &'static str {
        match self {
            Self::General => "LIMIT_GENERAL",
            Self::Ai => "LIMIT_AI",
            Self::Upload => "LIMIT_UPLOAD",
            Self::SignIn => "LIMIT_SIGN_IN",
        }
    }

    /// For the header `RateLimit-Policy`: requests in a window of seconds.
    fn policy(self) -> &'static str {
        match self {
            Self::General => "\"general\";q=100;w=60",
            Self::Ai => "\"ai\";q=10;w=60",
            Self::Upload => "\"upload\";q=5;w=60",
            Self::SignIn => "\"sign-in\";q=10;w=60",
        }
    }
}

/// Paths whose every request is free: live calls and groups must not break off, probes and events are not people.
const FREE: [&str; 9] = [
    "/communication/session/",
    "/communication/sessions/active",
    "/communication/group/",
    "/health",
    "/keepalive",
    "/metrics",
    "/openapi.json",
    "/transactions/webhook",
    "/test",
];
const SIGN_IN: [&str; 5] =
    ["/auth/login", "/auth/admin/login", "/auth/register", "/auth/forgot-password", "/auth/reset-password"];
const UPLOADS: [&str; 2] = ["/evaluation/pronunciation/audio", "/media"];

/// What a request counts as; `None` is free.
pub fn class_of(method: &Method, path: &str) -> Option<Class> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
    let reads = *method == Method::GET;
    if starts(&FREE) || (reads && is_polled(path)) || is_group_signaling(path) {
        None
    } else if starts(&SIGN_IN) {
        Some(Class::SignIn)
    } else if !reads && starts(&UPLOADS) {
        Some(Class::Upload)
    } else if *method == Method::POST && asks_a_model(path) {
        Some(Class::Ai)
    } else {
        Some(Class::General)
    }
}

/// What phones poll: reading it is free.
fn is_polled(path: &str) -> bool {
    path.starts_with("/communication/chat/")
        || group_part(path).is_some_and(|part| part.is_empty() || part == "/messages")
}

fn is_group_signaling(path: &str) -> bool {
    group_part(path).is_some_and(|part| part.starts_with("/webrtc"))
}

/// What follows the id of a group.
fn group_part(path: &str) -> Option<&str> {
    let (id, part) = path.strip_prefix("/groups/")?.split_at_checked(24)?;
    id.parse::<Id>().ok().map(|_| part)
}

fn asks_a_model(path: &str) -> bool {
    path.starts_with("/evaluation/") || (path.starts_with("/chat/") && path.ends_with("/messages"))
}

/// What is counted: a user's requests, or else an address's. Where somebody proves who he is, his account is counted at
/// that address, and the address as a whole, so that neither guessing nor trying many accounts goes far.
pub fn counted(class: Class, user: Option<Id>, address: &str, body: &[u8]) -> Vec<(Class, String)> {
    if class == Class::SignIn {
        let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let account = body.get("email").and_then(Value::as_str).and_then(email::fold).unwrap_or_default();
        return vec![(class, format!("{address} {account}")), (Class::General, address.to_owned())];
    }
    vec![(class, user.map_or_else(|| address.to_owned(), |user| user.to_string()))]
}

/// Counts a request. Limits that cannot be asked let everybody pass: they protect, they must not break.
pub async fn check(env: &Env, class: Class, key: String) -> ApiResult<()> {
    let counted = async { env.rate_limiter(class.binding())?.limit(key).await };
    match counted.await {
        Ok(outcome) if !outcome.success => Err(ApiError::TooMany(class.policy())),
        Ok(_) => Ok(()),
        Err(error) => {
            console_error!(
                "{}",
                json!({ "level": "error", "limit": class.binding(), "detail": error.to_string() })
            );
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_calls_are_free_and_the_rest_is_classed() {
        for (method, path, class) in [
            (Method::POST, "/communication/session/1/webrtc/ice", None),
            (Method::GET, "/communication/sessions/active", None),
            (Method::POST, "/groups/0123456789abcdef01234567/webrtc/offer", None),
            (Method::GET, "/groups/0123456789abcdef01234567", None),
            (Method::GET, "/groups/0123456789abcdef01234567/messages", None),
            (Method::GET, "/groups/available", Some(Class::General)),
            (Method::GET, "/communication/chat/1/messages", None),
            (Method::GET, "/health", None),
            (Method::POST, "/transactions/webhook", None),
            (Method::POST, "/groups/1/message", Some(Class::General)),
            (Method::POST, "/communication/chat/1/message", Some(Class::General)),
            (Method::POST, "/communication/matchmaking/find-partner", Some(Class::General)),
            (Method::GET, "/auth/me", Some(Class::General)),
            (Method::POST, "/auth/login", Some(Class::SignIn)),
            (Method::POST, "/chat/conversations/1/messages", Some(Class::Ai)),
            (Method::POST, "/chat/conversations", Some(Class::General)),
            (Method::GET, "/chat/conversations", Some(Class::General)),
            (Method::POST, "/evaluation/story", Some(Class::Ai)),
            (Method::POST, "/evaluation/pronunciation/audio", Some(Class::Upload)),
        ] {
            assert_eq!(class_of(&method, path), class, "{method} {path}");
        }
    }

    #[test]
    fn signing_in_counts_by_address_and_account() {
        for email in ["Ann.Lee@gmail.com", " annlee+x@googlemail.com"] {
            let body = json!({ "email": email }).to_string();
            let counted = counted(Class::SignIn, None, "1.2.3.4", body.as_bytes());
            assert_eq!(counted[0], (Class::SignIn, "1.2.3.4 annlee@gmail.com".into()), "{email}");
            assert_eq!(counted[1], (Class::General, "1.2.3.4".into()));
        }
        assert_eq!(counted(Class::General, None, "1.2.3.4", b""), [(Class::General, "1.2.3.4".into())]);
        let user = Id::from([7; 12]);
        assert_eq!(counted(Class::Ai, Some(user), "1.2.3.4", b""), [(Class::Ai, user.to_string())]);
    }
}
