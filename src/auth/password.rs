//! Passwords: bcrypt in steps, so that one sign-in does not stall the isolate for everybody else.

use domain::bcrypt::{self, Bcrypt};
use worker::Delay;

/// Rounds between two turns of the event loop: about 4 ms of work.
const STEP: u64 = 64;
/// A hash that no password has, of the usual cost: unknown accounts take as long as known ones.
const NOBODY: &str = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

async fn run(mut work: Bcrypt) -> String {
    while work.advance(STEP) {
        Delay::from(std::time::Duration::ZERO).await;
    }
    work.finish()
}

/// The hash of a new password.
pub async fn hash(password: &str) -> String {
    run(Bcrypt::start(password, durable::random_bytes(), bcrypt::DEFAULT_COST)).await
}

/// Whether a password belongs to a stored hash; `None` stands for an account that does not exist.
pub async fn verify(password: &str, stored: Option<&str>) -> bool {
    let parts = stored.and_then(bcrypt::parse);
    let Some(parts) = parts.or_else(|| bcrypt::parse(NOBODY)) else { return false };
    let computed = run(Bcrypt::start(password, parts.salt, parts.cost)).await;
    stored.is_some_and(|stored| bcrypt::same_digest(stored, &computed))
}
