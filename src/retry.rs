//! Conditional writes that somebody else may have been faster with.

use std::time::Duration;

use worker::Delay;

use crate::http::error::{ApiError, ApiResult};

/// Enough for every administrator at once.
const ATTEMPTS: u64 = 40;

/// Repeats a conditional write until nobody else was faster. `None` and a conflict mean: look again.
pub async fn until_done<T>(attempt: impl AsyncFn() -> ApiResult<Option<T>>) -> ApiResult<T> {
    for round in 0..ATTEMPTS {
        match attempt().await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) | Err(ApiError::Conflict(_)) => {
                // At random: two that met once must not meet again at the next attempt.
                let [random] = durable::random_bytes::<1>();
                Delay::from(Duration::from_millis(u64::from(random) % (5 + 5 * round))).await;
            }
            Err(error) => return Err(error),
        }
    }
    Err(ApiError::Conflict("Others change this at the same moment. Please try again"))
}
