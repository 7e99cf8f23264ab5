//! Orders, payments and subscriptions. docs/operations/payments.md draws the states.

mod admin;
mod admin_list;
mod admin_statistics;
mod cancel;
pub mod gateway;
mod idempotency;
mod order;
mod own;
mod reconcile;
mod settle;
mod show;
mod verify;
mod webhook;

pub use reconcile::run as reconcile;
#[cfg(not(target_arch = "wasm32"))]
pub use show::ShownBuyer;

use crate::http::routes::operations;

operations!(
    own::subscription,
    order::create,
    verify::verify,
    cancel::cancel,
    own::history,
    own::one,
    webhook::receive,
    admin_list::list,
    admin_statistics::statistics,
    admin_list::one,
    admin::set_status,
    admin_statistics::subscriptions,
    admin_list::subscribers,
    reconcile::run_now,
    reconcile::reports,
);
