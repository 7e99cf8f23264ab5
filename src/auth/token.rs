//! Tokens: HS256, claim `userId`, 7 days. Those of the old server stay valid while the key is the same.
//!
//! Room tickets are signed with another key, derived from the first, so that neither kind opens what the other does.

use chrono::{DateTime, Duration};
use domain::{Id, Timestamp};
use jwt_compact::{
    AlgorithmExt, Claims as JwtClaims, Header, TimeOptions, UntrustedToken, ValidationError,
    alg::{Hs256, Hs256Key},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::http::error::ApiError;

const LIFETIME_MS: i64 = 7 * 24 * 3_600_000;
const TICKET_MS: i64 = 60_000;
/// Longest text that is looked at.
const MAX_TOKEN_BYTES: usize = 4096;

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Whose it is.
    #[serde(rename = "userId")]
    pub user_id: Id,
    /// Its own id, for a single sign-out. Tokens of the old server have none.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account's token version when it was made.
    #[serde(rename = "tv", default, skip_serializing_if = "is_zero")]
    pub version: i64,
}

/// What a room ticket says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ticket {
    /// Whose it is.
    #[serde(rename = "userId")]
    pub user_id: Id,
    /// The one room it opens.
    pub room: Id,
}

fn is_zero(version: &i64) -> bool {
    *version == 0
}

/// Signs and checks.
pub struct Tokens {
    key: Hs256Key,
    ticket_key: Hs256Key,
}

impl Tokens {
    /// With this secret.
    pub fn new(secret: &str) -> Self {
        Self { key: Hs256Key::new(secret), ticket_key: Hs256Key::new(format!("{secret}\nroom ticket")) }
    }

    /// A token for an account; `id` is the token's own and must be new.
    pub fn issue(&self, user: Id, version: i64, id: Id, now: Timestamp) -> Result<String, ApiError> {
        sign(&self.key, Claims { user_id: user, id: Some(id.to_string()), version }, now, LIFETIME_MS)
    }

    /// The claims of a token, if it is good.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Claims, ApiError> {
        let mut claims: Claims = verify(&self.key, token, now)?;
        // A token of the old server has no id of its own; its signature names it as well.
        if claims.id.is_none() {
            claims.id = token.rsplit('.').next().map(str::to_owned);
        }
        Ok(claims)
    }

    /// A ticket that opens one room for a minute.
    pub fn issue_ticket(&self, user: Id, room: Id, now: Timestamp) -> Result<(String, Timestamp), ApiError> {
        let ticket = sign(&self.ticket_key, Ticket { user_id: user, room }, now, TICKET_MS)?;
        Ok((ticket, now.plus(TICKET_MS)))
    }

    /// The claims of a ticket, if it is good.
    pub fn check_ticket(&self, ticket: &str, now: Timestamp) -> Result<Ticket, ApiError> {
        verify(&self.ticket_key, ticket, now)
    }
}

fn date(time: Timestamp) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp(time.millis() / 1000, 0)
}

fn sign<T: Serialize>(key: &Hs256Key, claims: T, now: Timestamp, lifetime: i64) -> Result<String, ApiError> {
    let mut claims = JwtClaims::new(claims);
    (claims.issued_at, claims.expiration) = (date(now), date(now.plus(lifetime)));
    Hs256
        .token(&Header::empty().with_token_type("JWT"), &claims, key)
        .map_err(|error| ApiError::Internal(error.to_string()))
}

fn verify<T: DeserializeOwned>(key: &Hs256Key, token: &str, now: Timestamp) -> Result<T, ApiError> {
    const INVALID: ApiError = ApiError::Unauthorized("The access token is not valid; please sign in again");
    if token.len() > MAX_TOKEN_BYTES {
        return Err(INVALID);
    }
    let untrusted = UntrustedToken::new(token).map_err(|_| INVALID)?;
    let token = Hs256.validator::<T>(key).validate(&untrusted).map_err(|_| INVALID)?;
    let now = date(now).ok_or(INVALID)?;
    let time = TimeOptions::new(Duration::zero(), move || now);
    let claims = token.claims();
    match claims.validate_expiration(&time) {
        Ok(_) => {}
        Err(ValidationError::Expired) => {
            return Err(ApiError::Unauthorized("The access token has expired; please sign in again"));
        }
        Err(_) => return Err(INVALID),
    }
    if claims.not_before.is_some() && claims.validate_maturity(&time).is_err() {
        return Err(INVALID);
    }
    Ok(token.into_parts().1.custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn user() -> Id {
        Id::from([1; 12])
    }

    fn refused(result: Result<Claims, ApiError>) -> &'static str {
        match result {
            Err(ApiError::Unauthorized(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_of_the_old_server_is_read() {
        // Made with the jsonwebtoken package: {userId, iat, exp}, key "old key".
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiI1MDdmMWY3N2JjZjg2Y2Q3OTk0MzkwMTEiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMjU5MjAwMH0.brxivHeXx3eg8UBPUdQI9LFdQzFWU6ntN991VFrd9Dc";
        let tokens = Tokens::new("old key");
        let claims = tokens.check(token, Timestamp::from_millis(1_700_000_001_000));
        match claims {
            Ok(claims) => assert_eq!(
                (claims.user_id.to_string().as_str(), claims.version),
                ("507f1f77bcf86cd799439011", 0)
            ),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn a_token_lives_for_a_week_and_opens_nothing_else() {
        let tokens = Tokens::new("secret");
        let token = tokens.issue(user(), 3, Id::from([7; 12]), NOW).unwrap();
        let claims = tokens.check(&token, NOW.plus(LIFETIME_MS - 1000)).unwrap();
        assert_eq!((claims.user_id, claims.version), (user(), 3));
        assert!(refused(tokens.check(&token, NOW.plus(LIFETIME_MS + 1000))).contains("token has expired"));
        assert!(refused(Tokens::new("other").check(&token, NOW)).contains("token is not valid"));
        assert!(tokens.check_ticket(&token, NOW).is_err());
        let (ticket, _) = tokens.issue_ticket(user(), Id::from([2; 12]), NOW).unwrap();
        assert!(tokens.check(&ticket, NOW).is_err());
        assert_eq!(tokens.check_ticket(&ticket, NOW).unwrap().room, Id::from([2; 12]));
        assert!(tokens.check_ticket(&ticket, NOW.plus(TICKET_MS + 1000)).is_err());
    }

    #[test]
    fn forgeries_are_refused() {
        let tokens = Tokens::new("secret");
        for token in [
            "",
            "a.b.c",
            // {"alg":"none"}
            "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiI1MDdmMWY3N2JjZjg2Y2Q3OTk0MzkwMTEifQ.",
            // {"alg":"none"} with a signature
            "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiI1MDdmMWY3N2JjZjg2Y2Q3OTk0MzkwMTEifQ.AAAA",
        ] {
            assert!(tokens.check(token, NOW).is_err(), "{token}");
        }
    }
}
