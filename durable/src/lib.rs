//! Durable Objects: thin shells of I/O around the rules in `domain`.
//!
//! Each object has one typed request and one typed reply ([`rpc::Object`]); callers authorise before they call. Hot state
//! lives in memory and is rebuilt from the object's SQLite database, so an object may be evicted or killed at any moment.

#![allow(missing_docs, reason = "the durable_object attribute generates public items without docs")]

pub mod call_room;
pub mod group_room;
pub mod leaderboard;
pub mod region_lobby;
pub mod rpc;
mod runtime;
mod sql;
pub mod user_hub;

pub use call_room::CallRoom;
pub use group_room::GroupRoom;
pub use leaderboard::Leaderboard;
pub use region_lobby::RegionLobby;
pub use runtime::{new_id, now, random_bytes, store_settings};
pub use user_hub::UserHub;
