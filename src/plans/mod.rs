//! `/plans` and its twin `/admin/plans`: what is sold.

mod admin;
mod fields;
mod list;
mod statistics;
mod twin;

use crate::http::routes::operations;

operations!(
    list::list,
    list::offers,
    list::one,
    statistics::statistics,
    admin::create,
    admin::update,
    admin::delete,
    admin::toggle,
    twin::list,
    twin::create,
    twin::update,
    twin::delete,
    twin::toggle,
);
