//! Everything about HTTP that is not business.

pub mod body;
pub mod error;
pub mod extract;
pub mod form;
pub mod limits;
pub mod multipart;
pub mod rim;
pub mod routes;
pub mod validate;
