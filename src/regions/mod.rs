//! `/regions`.

mod list;

use crate::http::routes::operations;

operations!(list::list);
