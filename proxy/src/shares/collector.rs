//! The usage and limits of resources, for `/metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use super::Shares;
use crate::metric_family::{description, family, gauge_metric};

const USED: &str = "sluice_resource_used";
const USED_HELP: &str = "Use of the process's resources by connections and requests; memory in bytes.";
const LIMIT_HELP: &str = "Limits of the process's resources; memory in bytes.";

/// Exports the usage and limits of [`Shares`].
#[derive(Debug)]
pub(crate) struct SharesCollector {
    shares: Arc<Shares>,
    description: Desc,
}

impl SharesCollector {
    pub(crate) fn new(shares: Arc<Shares>) -> Self {
        Self {
            shares,
            description: description(USED, USED_HELP),
        }
    }
}

impl Collector for SharesCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    fn collect(&self) -> Vec<MetricFamily> {
        let (used, capacity) = (&self.shares.used, &self.shares.capacity);
        let rows = [
            (
                "descriptors",
                used.descriptors() as f64,
                capacity.descriptors as f64,
            ),
            (
                "in_flight",
                used.in_flight.load(Ordering::Relaxed) as f64,
                capacity.in_flight.all as f64,
            ),
            (
                "tunnels",
                used.tunnels.load(Ordering::Relaxed) as f64,
                capacity.tunnels.all as f64,
            ),
            (
                "buffered_bytes",
                used.buffered.load(Ordering::Relaxed) as f64,
                capacity.buffered.all as f64,
            ),
        ];
        let show = |name, help, value: fn(&(&str, f64, f64)) -> f64| {
            let metrics = rows
                .iter()
                .map(|row| gauge_metric(&[("resource", row.0)], value(row)));
            family(name, help, MetricType::GAUGE, metrics.collect())
        };
        vec![
            show(USED, USED_HELP, |row| row.1),
            show("sluice_resource_limit", LIMIT_HELP, |row| row.2),
        ]
    }
}
