//! The Data API client and the repositories.
//!
//! Every query of the Worker is a named function here; nothing else builds a filter. Reads fetch only what is used,
//! lists are bounded, and values from clients arrive typed, so none can become an operator.

pub mod ai_usage;
pub mod audit;
pub mod breaker;
pub mod chats;
pub mod client;
pub mod ejson;
pub mod error;
pub mod evaluations;
pub mod features;
pub mod games;
pub mod groups;
pub mod idempotency;
pub mod leaderboards;
pub mod lectures;
pub mod participation;
pub mod plans;
pub mod plays;
pub mod purchases;
pub mod recordings;
pub mod records;
pub mod referrals;
pub mod regions;
pub mod sessions;
pub mod transactions;
pub mod users;

pub use client::{Settings, Store};
pub use error::StoreError;
