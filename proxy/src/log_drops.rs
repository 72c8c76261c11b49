//! The counts of log lines that were dropped, for `/metrics`.

use std::sync::Arc;

use logging::{DropReason, Drops};
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use crate::metric_family::{counter_metric, description, family};

/// Exports the [`Drops`] of one log.
#[derive(Debug)]
pub(crate) struct LogDropsCollector {
    name: &'static str,
    help: &'static str,
    description: Desc,
    drops: Arc<Drops>,
}

impl LogDropsCollector {
    /// Returns the collector of the access log.
    pub(crate) fn access_log(drops: Arc<Drops>) -> Self {
        let help = "Lines of the access log that were dropped.";
        Self::new("sluice_access_log_dropped_total", help, drops)
    }

    /// Returns the collector of the process log.
    pub(crate) fn process_log(drops: Arc<Drops>) -> Self {
        let help = "Lines of the process log that were dropped.";
        Self::new("sluice_log_dropped_total", help, drops)
    }

    fn new(name: &'static str, help: &'static str, drops: Arc<Drops>) -> Self {
        Self {
            name,
            help,
            description: description(name, help),
            drops,
        }
    }
}

impl Collector for LogDropsCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counts = DropReason::ALL.map(|reason| (reason.as_str(), self.drops.count(reason)));
        let metrics = counts
            .into_iter()
            .map(|(reason, count)| counter_metric(&[("reason", reason)], count));
        vec![family(
            self.name,
            self.help,
            MetricType::COUNTER,
            metrics.collect(),
        )]
    }
}
