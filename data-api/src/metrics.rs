//! Counters in OpenMetrics form.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use mongodb::event::{EventHandler, cmap::CmapEvent};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// What a request is counted under.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Labels {
    action: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ActionLabel {
    action: &'static str,
}

/// A request at work.
pub struct AtWork(Gauge);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// All counters.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    duration: Family<ActionLabel, Histogram>,
    in_flight: Gauge,
    connections: Gauge<i64, AtomicI64>,
}

impl Metrics {
    /// Counters at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("data_api");
        let requests = Family::<Labels, Counter>::default();
        let duration = Family::<ActionLabel, Histogram>::new_with_constructor(|| {
            Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0])
        });
        let in_flight = Gauge::default();
        let connections = Gauge::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register("request_duration_seconds", "Time to answer", duration.clone());
        registry.register("requests_in_flight", "Requests at work", in_flight.clone());
        registry.register("database_connections", "Open connections to the database", connections.clone());
        Self { registry, requests, duration, in_flight, connections }
    }

    /// Counts a request as at work until the guard is dropped, also when its caller hangs up.
    pub fn at_work(&self) -> AtWork {
        self.in_flight.inc();
        AtWork(self.in_flight.clone())
    }

    /// Counts an answer.
    pub fn answered(&self, action: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Labels { action, status }).inc();
        self.duration.get_or_create(&ActionLabel { action }).observe(took.as_secs_f64());
    }

    /// Watches the driver's pool.
    pub fn pool_watcher(self: &Arc<Self>) -> EventHandler<CmapEvent> {
        let connections = self.connections.clone();
        EventHandler::callback(move |event| match event {
            CmapEvent::ConnectionCreated(_) => {
                connections.inc();
            }
            CmapEvent::ConnectionClosed(_) => {
                connections.dec();
            }
            _ => {}
        })
    }

    /// All counters as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            let _ = writeln!(text, "# EOF");
        }
        text
    }
}
