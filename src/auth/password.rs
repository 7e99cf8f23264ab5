//! Passwords: bcrypt in steps, so that one sign-in does not stall the isolate for everybody else; or Argon2id.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString},
};
use domain::bcrypt::{self, Bcrypt};
use worker::Delay;

use crate::{config::PasswordHash, http::error::ApiError};

/// Rounds between two turns of the event loop: about 4 ms of work.
const STEP: u64 = 64;
/// A hash that no password has, of the usual cost: unknown accounts take as long as known ones.
const NOBODY: &str = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const ARGON2ID: &str = "$argon2id$";
/// Memory in KiB, passes and lanes that OWASP advises.
const ARGON2_PARAMETERS: (u32, u32, u32) = (19 * 1024, 2, 1);

async fn run(mut work: Bcrypt) -> String {
    while work.advance(STEP) {
        Delay::from(std::time::Duration::ZERO).await;
    }
    work.finish()
}

fn argon2() -> Result<Argon2<'static>, ApiError> {
    let (memory, passes, lanes) = ARGON2_PARAMETERS;
    let params = Params::new(memory, passes, lanes, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl std::fmt::Display) -> ApiError {
    ApiError::Internal(format!("password hash: {error}"))
}

/// The hash of a new password.
pub async fn hash(kind: PasswordHash, password: &str) -> Result<String, ApiError> {
    match kind {
        PasswordHash::Bcrypt => {
            Ok(run(Bcrypt::start(password, durable::random_bytes(), bcrypt::DEFAULT_COST)).await)
        }
        PasswordHash::Argon2id => {
            let salt = SaltString::encode_b64(&durable::random_bytes::<16>()).map_err(failed)?;
            Ok(argon2()?.hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
        }
    }
}

/// Whether a password belongs to a stored hash; `None` stands for an account that does not exist.
pub async fn verify(password: &str, stored: Option<&str>) -> bool {
    if let Some(stored) = stored.filter(|stored| stored.starts_with(ARGON2ID)) {
        let Ok(parsed) = Phc::new(stored) else { return false };
        return argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &parsed).is_ok());
    }
    let parts = stored.and_then(bcrypt::parse);
    let Some(parts) = parts.or_else(|| bcrypt::parse(NOBODY)) else { return false };
    let computed = run(Bcrypt::start(password, parts.salt, parts.cost)).await;
    stored.is_some_and(|stored| bcrypt::same_digest(stored, &computed))
}

/// Whether a stored hash should be made anew when its password is at hand.
pub fn is_outdated(kind: PasswordHash, stored: &str) -> bool {
    kind == PasswordHash::Argon2id && !stored.starts_with(ARGON2ID)
}
