//! What can go wrong between the Worker and its database.

use std::fmt;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The service or its database cannot be reached, is too slow, or answers garbage. Worth another try later.
    Unavailable(String),
    /// A unique index refused a document; the server's message names the index.
    Duplicate(String),
    /// A transaction did not find what it expected, and changed nothing.
    Aborted(String),
    /// The answer holds a document that we cannot read.
    Unreadable(String),
    /// The database refused the query: our mistake.
    Rejected(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "store unavailable: {why}"),
            Self::Duplicate(why) => write!(f, "duplicate key: {why}"),
            Self::Aborted(why) => write!(f, "transaction aborted: {why}"),
            Self::Unreadable(why) => write!(f, "unreadable document: {why}"),
            Self::Rejected(why) => write!(f, "query refused: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}
