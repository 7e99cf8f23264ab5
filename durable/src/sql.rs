//! The little SQL that the objects need.

use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue};

/// Runs a statement that returns nothing of interest.
pub(crate) fn run(sql: &SqlStorage, statement: &str, bindings: Vec<SqlStorageValue>) -> worker::Result<()> {
    sql.exec(statement, bindings).map(drop)
}

/// Whether a table was made already.
pub(crate) fn has_table(sql: &SqlStorage, name: &str) -> worker::Result<bool> {
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?";
    Ok(!rows::<serde_json::Value>(sql, query, vec![name.into()])?.is_empty())
}

/// All rows of a query.
pub(crate) fn rows<T: DeserializeOwned>(
    sql: &SqlStorage,
    query: &str,
    bindings: Vec<SqlStorageValue>,
) -> worker::Result<Vec<T>> {
    sql.exec(query, bindings)?.to_array()
}

/// A number in a statement. SQLite in objects takes whole numbers up to 2^53, far above any time or count here.
pub(crate) fn int(value: impl TryInto<i64>) -> SqlStorageValue {
    SqlStorageValue::Integer(value.try_into().unwrap_or(i64::MAX))
}
