//! `/features`: what the app gates, for learners and for administrators.

mod admin;
mod edit;
mod user;

use crate::http::routes::operations;

operations!(
    admin::all,
    admin::of_category,
    admin::toggle,
    admin::bulk_update,
    admin::statistics,
    edit::create,
    edit::deactivate,
    user::list,
    user::access,
    user::record_usage,
);
