//! The metric of the time at which the served flags were verified.

use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use super::scrape_source::ScrapeSource;
use crate::metric_family::{description, family, gauge_metric, seconds};

const NAME: &str = "sluice_snapshot_verified_timestamp_seconds";
const HELP: &str =
    "Last time when the source of the flags was read and had what is served, in seconds since 1970.";

/// Exports the time that a function returns.
pub(super) struct VerifiedCollector {
    source: ScrapeSource<SystemTime>,
    description: Desc,
}

impl VerifiedCollector {
    pub(super) fn new(source: ScrapeSource<SystemTime>) -> Self {
        let description = description(NAME, HELP);
        Self { source, description }
    }
}

impl Collector for VerifiedCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let metric = self.source.read().map(|at| gauge_metric(&[], seconds(at)));
        vec![family(
            NAME,
            HELP,
            MetricType::GAUGE,
            metric.into_iter().collect(),
        )]
    }
}
