//! `/referrals`: codes that teachers hand out.

mod admin;
mod list;
mod offer;
mod one;
mod statistics;
mod teacher;

pub use offer::{Offer, offer};

use crate::http::routes::operations;

operations!(
    list::list,
    admin::create,
    one::one,
    admin::update,
    admin::delete,
    admin::toggle,
    teacher::overview,
    teacher::referred,
    statistics::statistics,
    offer::validate,
);
