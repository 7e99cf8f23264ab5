//! Sign-up, sign-in, and what belongs to an account's own password.

pub mod change_password;
pub mod login;
pub mod me;
pub mod password;
pub mod register;
pub mod reset;
pub mod token;

use crate::http::routes::operations;

operations!(
    register::register,
    login::login,
    login::admin_login,
    me::me,
    me::logout,
    change_password::change_password,
    reset::forgot_password,
    reset::reset_password,
);
