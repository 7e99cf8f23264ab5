//! The rules of AarambhApp.
//!
//! Everything here is pure: no I/O, no clock, no randomness. Callers pass the time and random bytes in, so every rule
//! can be tested natively. The wire contract is the source of the rules; each module says which part it implements.

pub mod accounts;
pub mod bcrypt;
pub mod budget;
pub mod chat;
pub mod email;
pub mod evaluation;
pub mod files;
pub mod games;
pub mod group;
pub mod id;
pub mod indexes;
pub mod matchmaking;
pub mod media_links;
pub mod mesh;
pub mod money;
pub mod paging;
pub mod payment;
pub mod ranking;
pub mod recording;
pub mod referral;
pub mod scoring;
pub mod session;
pub mod signaling;
pub mod subscription;
pub mod time;
pub mod viewing;
pub mod window;

pub use id::Id;
pub use time::Timestamp;
