//! Credentials: the header `apiKey`, or the same key as a bearer token. The other kinds of the contract are refused.

use axum::http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;

/// Lets a request with one of `keys` pass.
pub fn check(headers: &HeaderMap, keys: &[String]) -> Result<(), ApiError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header("apikey").or_else(|| header("api-key")).or_else(|| {
        header("authorization")
            .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")))
    });
    let Some(key) = key else {
        return Err(match (header("email"), header("password")) {
            (Some(_), None) => ApiError::MissingParameter("password is missing beside email".into()),
            (None, Some(_)) => ApiError::MissingParameter("email is missing beside password".into()),
            _ => ApiError::InvalidParameter("send the header apiKey, or the key as a bearer token".into()),
        });
    };
    let mut known = Choice::from(0);
    for valid in keys {
        known |= key.as_bytes().ct_eq(valid.as_bytes());
    }
    if known.into() { Ok(()) } else { Err(ApiError::InvalidSession) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(headers: &[(&'static str, &'static str)]) -> &'static str {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        match check(&headers, &["first-key-of-two".into(), "other-key-of-two".into()]) {
            Ok(()) => "ok",
            Err(ApiError::InvalidParameter(_)) => "invalid",
            Err(ApiError::MissingParameter(_)) => "missing",
            Err(_) => "unknown",
        }
    }

    #[test]
    fn credentials() {
        assert_eq!(verdict(&[]), "invalid");
        assert_eq!(verdict(&[("apikey", "other-key-of-two")]), "ok");
        assert_eq!(verdict(&[("authorization", "Bearer first-key-of-two")]), "ok");
        assert_eq!(verdict(&[("apikey", "first-key-of-tw")]), "unknown");
        assert_eq!(verdict(&[("email", "a@b.c")]), "missing");
        assert_eq!(verdict(&[("password", "x")]), "missing");
        assert_eq!(verdict(&[("email", "a@b.c"), ("password", "x")]), "invalid");
        assert_eq!(verdict(&[("jwttokenstring", "x")]), "invalid");
    }
}
