//! `/regions`.

mod admin;
mod list;
mod one;

use crate::http::routes::operations;

operations!(
    list::list,
    admin::create,
    one::one,
    admin::update,
    admin::delete,
    admin::toggle,
    one::statistics,
);
