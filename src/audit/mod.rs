//! `/admin/audit`: who changed what.

mod list;

use crate::http::routes::operations;

operations!(list::list);
