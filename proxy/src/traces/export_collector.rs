//! The counts of exported traces, for `/metrics`.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};
use traces::{ExportCounts, ExportResult};

use crate::metric_family::{counter_metric, description, family};

const SPANS: &str = "sluice_trace_spans_total";
const SPANS_HELP: &str = "Spans of sampled requests, by result of their export.";

/// Exports the [`ExportCounts`] of the tracer.
#[derive(Debug)]
pub(crate) struct ExportCollector {
    counts: Arc<ExportCounts>,
    description: Desc,
}

impl ExportCollector {
    pub(crate) fn new(counts: Arc<ExportCounts>) -> Self {
        let description = description(SPANS, SPANS_HELP);
        Self { counts, description }
    }
}

impl Collector for ExportCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let by_result = |count: &dyn Fn(ExportResult) -> u64| {
            let results = ExportResult::ALL.into_iter();
            results
                .map(|result| counter_metric(&[("result", result.as_str())], count(result)))
                .collect()
        };
        let counter = |name, help, metrics| family(name, help, MetricType::COUNTER, metrics);
        vec![
            counter(SPANS, SPANS_HELP, by_result(&|result| self.counts.spans(result))),
            counter(
                "sluice_trace_events_total",
                "Flag evaluations of sampled requests, by result of their export.",
                by_result(&|result| self.counts.events(result)),
            ),
            counter(
                "sluice_trace_export_failures_total",
                "Exports of traces that failed after their last retry.",
                vec![counter_metric(&[], self.counts.failures())],
            ),
        ]
    }
}
