//! Constructors of metric families for values that are read on request instead of counted in a registry.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::core::Desc;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use crate::duration_histogram::DurationHistogram;

/// Creates a family of metrics of one type.
pub(crate) fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.into());
    family.set_help(help.into());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// Creates a counter's value with labels.
#[expect(
    clippy::cast_precision_loss,
    reason = "the text format has floats; exact up to 2^53"
)]
pub(crate) fn counter_metric(labels: &[(&str, &str)], count: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(count as f64);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

/// Creates a gauge's value with labels.
pub(crate) fn gauge_metric(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled(labels);
    metric.set_gauge(gauge);
    metric
}

/// Creates a histogram's value with labels.
pub(crate) fn histogram_metric<const N: usize>(
    labels: &[(&str, &str)],
    durations: &DurationHistogram<N>,
) -> Metric {
    let mut histogram = Histogram::default();
    let mut count = 0;
    let bucket = |(bound, counted)| {
        count = counted;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(counted);
        bucket
    };
    histogram.set_bucket(durations.cumulative().map(bucket).collect());
    histogram.set_sample_count(count + durations.above());
    histogram.set_sample_sum(durations.sum().as_secs_f64());
    let mut metric = labelled(labels);
    metric.set_histogram(histogram);
    metric
}

/// Creates the description that a collector is registered by.
#[expect(clippy::expect_used, reason = "the names are constants that a test proves")]
pub(crate) fn description(name: &str, help: &str) -> Desc {
    Desc::new(name.into(), help.into(), Vec::new(), HashMap::new()).expect("a constant name is valid")
}

/// Returns seconds since 1970.
pub(crate) fn seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs_f64()
}

fn labelled(labels: &[(&str, &str)]) -> Metric {
    let pair = |&(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.into());
        pair.set_value(value.into());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}
