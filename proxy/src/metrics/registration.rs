//! Registration of metrics whose names and labels are constants.

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::code_counter::CodeCounter;

pub(super) fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, proven(IntCounter::new(name, help)))
}

pub(super) fn counters(registry: &Registry, name: &str, help: &str, label: &str) -> IntCounterVec {
    let counters = IntCounterVec::new(Opts::new(name, help), &[label]);
    register(registry, proven(counters))
}

/// Registers a counter by code, whose codes are the values of `label`.
pub(super) fn codes(registry: &Registry, name: &str, help: &str, label: &str) -> CodeCounter {
    CodeCounter::new(counters(registry, name, help, label))
}

pub(super) fn gauge(registry: &Registry, name: &str, help: &str) -> Gauge {
    register(registry, proven(Gauge::new(name, help)))
}

pub(super) fn gauges(registry: &Registry, name: &str, help: &str, label: &str) -> IntGaugeVec {
    let gauges = IntGaugeVec::new(Opts::new(name, help), &[label]);
    register(registry, proven(gauges))
}

/// Registers a gauge that is 1 and carries the version as a label.
pub(super) fn build_info(registry: &Registry) {
    let build = Opts::new("sluice_build_info", "The running version, as a label.");
    let build = build.const_label("version", env!("CARGO_PKG_VERSION"));
    register(registry, proven(Gauge::with_opts(build))).set(1.0);
}

/// Registers a collector.
pub(super) fn collector(registry: &Registry, collector: impl Collector + 'static) {
    proven(registry.register(Box::new(collector)));
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    collector(registry, metric.clone());
    metric
}

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants, each registered once; a test proves them"
)]
fn proven<T>(result: Result<T, prometheus::Error>) -> T {
    result.expect("constant metrics are valid and distinct")
}
