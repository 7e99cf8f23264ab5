//! The clock, randomness and settings of the runtime, for rules that take them as parameters.

use std::sync::OnceLock;

use domain::{Id, Timestamp};
use store::Store;
use worker::Env;

/// The time. Between two I/O operations it stands still.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_millis(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
}

/// Bytes from the runtime's cryptographic source.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The runtime's source cannot fail inside a request, the only place this is called from.
    let filled = getrandom::fill(&mut bytes);
    debug_assert!(filled.is_ok());
    bytes
}

/// A new document id.
#[must_use]
pub fn new_id() -> Id {
    Id::new(now(), random_bytes())
}

/// The database, for objects: one handle per isolate, so that they share its breaker.
pub(crate) fn store(env: &Env) -> worker::Result<Store> {
    static STORE: OnceLock<Store> = OnceLock::new();
    match STORE.get() {
        Some(store) => Ok(store.clone()),
        None => store_settings(env).map(|settings| STORE.get_or_init(|| Store::new(settings)).clone()),
    }
}

/// Where the Data API is, from the environment.
pub fn store_settings(env: &Env) -> worker::Result<store::Settings> {
    let variable = |name: &str| env.var(name).map(|value| value.to_string());
    Ok(store::Settings {
        url: variable("DATA_API_URL")?.trim_end_matches('/').to_owned(),
        key: variable("DATA_API_KEY")?,
        source: variable("DATA_API_SOURCE")?,
        database: variable("DATA_API_DATABASE")?,
    })
}
