//! `/lectures`: videos to learn from.

mod admin;
mod fields;
mod list;
mod one;
mod search;
mod show;
mod statistics;
mod view;

pub(crate) use one::NO_LECTURE;
pub(crate) use show::Viewer;

use crate::http::routes::operations;

operations!(
    admin::create,
    list::list,
    search::search,
    statistics::statistics,
    one::one,
    admin::update,
    admin::delete,
    admin::toggle,
    view::view,
);
