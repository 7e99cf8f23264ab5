//! Liveness.

mod probes;

use crate::http::routes::operations;

operations!(probes::health, probes::keepalive);
