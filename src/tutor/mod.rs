//! `/chat`: the AI tutor. These answers have no `success` field (contract: x-global.error-envelopes).

mod answer;
mod cache;
mod conversation;
mod cost;
mod exchange;
mod info;
mod message;
mod pieces;
mod prompt;
mod stream;
pub mod upstream;
mod usage;

use crate::http::routes::operations;

operations!(
    conversation::create,
    conversation::list,
    conversation::one,
    conversation::update,
    conversation::delete,
    message::send,
    info::stats,
    info::suggestions,
    info::health,
    usage::usage,
);
