//! `/chat`: the AI tutor. These answers have no `success` field (contract: x-global.error-envelopes).

mod conversation;
mod info;
mod message;
mod prompt;
pub mod upstream;

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
);
