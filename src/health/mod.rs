//! Liveness.

mod probes;

use crate::http::routes::operations;

operations!(probes::health, probes::keepalive, probes::test_connection, probes::endpoints);
