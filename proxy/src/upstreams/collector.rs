//! The metrics of the upstreams that are served, read when `/metrics` is requested.

use std::sync::Arc;
use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::endpoint::{EndpointHealth, LiveEndpoint};
use super::live::LiveUpstream;
use super::served::ServedUpstreams;
use crate::metric_family::{counter_metric, description, family, gauge_metric};

/// Exports the metrics of the upstreams that are served.
#[derive(Debug)]
pub(super) struct UpstreamCollector {
    served: Arc<ServedUpstreams>,
    description: Desc,
}

impl UpstreamCollector {
    pub(super) fn new(served: Arc<ServedUpstreams>) -> Self {
        Self {
            served,
            description: description(ATTEMPTS, ATTEMPTS_HELP),
        }
    }
}

impl Collector for UpstreamCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let served = self.served.all();
        let now = Instant::now();
        let counter = |name, help, metrics| family(name, help, MetricType::COUNTER, metrics);
        let gauge = |name, help, metrics| family(name, help, MetricType::GAUGE, metrics);
        vec![
            counter(
                ATTEMPTS,
                ATTEMPTS_HELP,
                by(&served, "result", |live| live.meter().attempts()),
            ),
            counter(
                "sluice_upstream_retries_total",
                "Retries of requests.",
                each(&served, |name, live| counter_metric(name, live.meter().retries())),
            ),
            counter(
                "sluice_upstream_ejections_total",
                "Ejections of endpoints after consecutive failures.",
                each(&served, |name, live| {
                    counter_metric(name, live.meter().ejections())
                }),
            ),
            counter(
                "sluice_upstream_overloads_total",
                "Requests that were rejected because the upstream was at its limit.",
                each(&served, |name, live| {
                    counter_metric(name, live.meter().overloads())
                }),
            ),
            counter(
                "sluice_upstream_resolutions_total",
                "Name resolutions, by result.",
                by(&served, "result", |live| live.meter().resolutions()),
            ),
            counter(
                "sluice_upstream_health_checks_total",
                "Health checks of endpoints, by result.",
                by(&served, "result", |live| live.meter().checks()),
            ),
            gauge(
                "sluice_upstream_in_flight",
                "Requests in flight to an upstream.",
                each(&served, |name, live| gauge_metric(name, number(live.in_flight()))),
            ),
            gauge(
                "sluice_upstream_endpoints",
                "Endpoints, by state.",
                endpoints(&served, now),
            ),
        ]
    }
}

/// Returns one metric for each upstream.
fn each(
    served: &[Arc<LiveUpstream>],
    metric: impl Fn(&[(&str, &str)], &LiveUpstream) -> Metric,
) -> Vec<Metric> {
    served
        .iter()
        .map(|live| metric(&[("upstream", live.name())], live))
        .collect()
}

/// Returns the counters of each upstream, with a second label.
fn by<'a, I: Iterator<Item = (&'static str, u64)>>(
    served: &'a [Arc<LiveUpstream>],
    label: &str,
    counts: impl Fn(&'a LiveUpstream) -> I,
) -> Vec<Metric> {
    served
        .iter()
        .flat_map(|live| {
            counts(live)
                .map(|(value, count)| counter_metric(&[("upstream", live.name()), (label, value)], count))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn endpoints(served: &[Arc<LiveUpstream>], now: Instant) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for live in served {
        let table = live.table();
        let all = table.endpoints();
        for health in EndpointHealth::ALL {
            let is = |endpoint: &&Arc<LiveEndpoint>| endpoint.state.health(now) == health;
            let count = all.iter().filter(is).count();
            let state = health.as_str();
            let labels = [("upstream", live.name()), ("state", state)];
            metrics.push(gauge_metric(&labels, number(count)));
        }
    }
    metrics
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the text format has floats; exact up to 2^53"
)]
fn number(count: usize) -> f64 {
    count as f64
}

const ATTEMPTS: &str = "sluice_upstream_attempts_total";
const ATTEMPTS_HELP: &str = "Attempts at an upstream, by result.";
