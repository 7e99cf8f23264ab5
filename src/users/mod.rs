//! `/users`: accounts as their owners and administrators see them.

mod create;
pub mod expand;
mod fields;
mod list;
mod one;
mod ranking;
mod statistics;
mod update;

use crate::http::routes::operations;

operations!(
    list::list,
    list::search,
    statistics::statistics,
    create::create,
    one::one,
    update::update,
    one::deactivate,
    one::reactivate,
);
