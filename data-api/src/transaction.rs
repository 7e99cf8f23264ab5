//! Our extension: an ordered list of actions, committed or rolled back as one.
//!
//! `{dataSource, database, actions: [{action, collection, …, expect?: {matchedCount: 1}}]}` answers `{results: […]}`. A
//! step whose answer differs from what `expect` says rolls everything back with 409.

use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::{
    Client, Database,
    error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    actions::{Action, Body},
    ejson::read_document,
    error::ApiError,
};

/// Most actions in one transaction.
const MAX_ACTIONS: usize = 100;
/// How often a transaction that lost against another one is tried.
const MAX_ATTEMPTS: u32 = 12;
/// Longest pause before another attempt, ms.
const MOST_PAUSE_MS: u64 = 200;

/// One action of a transaction, unread.
#[derive(Deserialize)]
pub struct Step {
    action: String,
    expect: Option<Value>,
    #[serde(flatten)]
    body: Body,
}

struct Planned {
    collection: String,
    action: Action,
    expect: Document,
}

/// Runs the steps as one transaction.
pub async fn run(
    client: &Client,
    database: &Database,
    steps: Vec<Step>,
    limit: Duration,
) -> Result<Document, ApiError> {
    if steps.is_empty() || steps.len() > MAX_ACTIONS {
        return Err(ApiError::InvalidParameter(format!("actions must have 1 to {MAX_ACTIONS} entries")));
    }
    let plan = steps.into_iter().map(plan).collect::<Result<Vec<_>, _>>()?;
    let mut attempt = 1;
    loop {
        match attempt_once(client, database, &plan, limit).await {
            Err(Failure::Transient(_)) if attempt < MAX_ATTEMPTS => {
                attempt += 1;
                // At random: two that met once must not meet again at the next attempt.
                let most = u64::from(10 * attempt * attempt).min(MOST_PAUSE_MS);
                tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=most))).await;
            }
            Err(Failure::Transient(error) | Failure::Final(error)) => return Err(error),
            Ok(results) => return Ok(doc! { "results": results }),
        }
    }
}

enum Failure {
    /// Worth another attempt.
    Transient(ApiError),
    /// Not.
    Final(ApiError),
}

fn plan(step: Step) -> Result<Planned, ApiError> {
    let collection = step.body.collection.clone().filter(|name| !name.is_empty());
    Ok(Planned {
        collection: collection
            .ok_or_else(|| ApiError::InvalidParameter("each action needs a collection".into()))?,
        expect: step.expect.map_or_else(|| Ok(Document::new()), |expect| read_document("expect", expect))?,
        action: Action::read(&step.action, step.body)?,
    })
}

async fn attempt_once(
    client: &Client,
    database: &Database,
    plan: &[Planned],
    limit: Duration,
) -> Result<Vec<Bson>, Failure> {
    let mut session = client.start_session().await.map_err(failure)?;
    session.start_transaction().await.map_err(failure)?;
    let mut results = Vec::with_capacity(plan.len());
    for (place, step) in plan.iter().enumerate() {
        let done = step.action.clone().run(database, &step.collection, limit, Some(&mut session)).await;
        let unmet = done.as_ref().ok().and_then(|result| first_difference(&step.expect, result));
        match (done, unmet) {
            (Ok(result), None) => results.push(result.into()),
            (Ok(_), Some(field)) => {
                let _ = session.abort_transaction().await;
                return Err(Failure::Final(ApiError::TransactionAborted(format!(
                    "action {place}: {field} is not what was expected; nothing was changed"
                ))));
            }
            // Nobody is there to hear of an abort; the server drops the transaction of a lost connection by itself.
            (Err(error @ ApiError::Unavailable(_)), _) => return Err(Failure::Final(error)),
            (Err(error), _) => {
                // This error is the one to report; the server drops the transaction in any case.
                let _ = session.abort_transaction().await;
                return Err(match error {
                    ApiError::MongoDb { transient: true, .. } => Failure::Transient(error),
                    error => Failure::Final(error),
                });
            }
        }
    }
    loop {
        match session.commit_transaction().await {
            Ok(()) => return Ok(results),
            // Repeating the commit is safe and tells whether it had worked.
            Err(error)
                if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) && !is_unreachable(&error) => {}
            Err(error) => return Err(failure(error)),
        }
    }
}

fn failure(error: mongodb::error::Error) -> Failure {
    if error.contains_label(TRANSIENT_TRANSACTION_ERROR) && !is_unreachable(&error) {
        Failure::Transient(error.into())
    } else {
        Failure::Final(error.into())
    }
}

fn is_unreachable(error: &mongodb::error::Error) -> bool {
    matches!(
        *error.kind,
        mongodb::error::ErrorKind::ServerSelection { .. } | mongodb::error::ErrorKind::Io(_)
    )
}

fn first_difference<'a>(expect: &'a Document, result: &Document) -> Option<&'a str> {
    expect.iter().find(|(key, value)| !same(value, result.get(key))).map(|(key, _)| key.as_str())
}

/// Equal, where 1, 1.0 and a long 1 are the same count.
fn same(expected: &Bson, found: Option<&Bson>) -> bool {
    // Counts are far below 2^53, where doubles are exact.
    #[expect(clippy::cast_precision_loss)]
    let number = |value: &Bson| match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        _ => None,
    };
    match (number(expected), found.and_then(number)) {
        (Some(expected), Some(found)) => expected.total_cmp(&found).is_eq(),
        _ => found == Some(expected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_compare_numbers_by_value() {
        let result = doc! { "matchedCount": 1_i32, "modifiedCount": 0_i32 };
        assert_eq!(first_difference(&doc! { "matchedCount": 1_i64 }, &result), None);
        assert_eq!(first_difference(&doc! { "matchedCount": 1.0 }, &result), None);
        assert_eq!(first_difference(&doc! { "modifiedCount": 1 }, &result), Some("modifiedCount"));
        assert_eq!(first_difference(&doc! { "upsertedId": 1 }, &result), Some("upsertedId"));
    }
}
