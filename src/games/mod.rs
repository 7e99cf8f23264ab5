//! `/games`: what is played, by whom, and how it went.

mod admin;
mod fields;
mod list;
mod one;
mod play;
mod questions;
mod start;
mod stats;

pub(crate) use start::participated;

use crate::http::routes::operations;

operations!(
    admin::create,
    list::list,
    list::of_type,
    list::random,
    one::one,
    admin::update,
    admin::delete,
    start::start,
    play::submit,
    stats::stats,
);
