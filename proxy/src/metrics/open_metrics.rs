//! The text format OpenMetrics 1.0, with exemplars. The crate `prometheus` writes neither.

use std::fmt::Write as _;

use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::exemplars::Exemplar;
use crate::series_exemplars::SeriesExemplars;

/// Returns the page of these families.
pub(super) fn render(families: &[MetricFamily], exemplars: &SeriesExemplars) -> String {
    let mut page = Page(String::new());
    for family in families {
        page.family(family, exemplars);
    }
    page.0.push_str("# EOF\n");
    page.0
}

/// A page while it is written. Writing to a `String` never fails.
struct Page(String);

impl Page {
    fn family(&mut self, family: &MetricFamily, exemplars: &SeriesExemplars) {
        let full = family.name();
        // The family of a counter has no suffix, and its samples have one.
        let (name, kind) = match (family.get_field_type(), full.strip_suffix("_total")) {
            (MetricType::COUNTER, Some(name)) => (name, "counter"),
            (MetricType::GAUGE, _) => (full, "gauge"),
            (MetricType::HISTOGRAM, _) => (full, "histogram"),
            (MetricType::COUNTER | MetricType::SUMMARY | MetricType::UNTYPED, _) => (full, "unknown"),
        };
        let _ = writeln!(self.0, "# HELP {name} {}", escaped(family.help()));
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
        for metric in family.get_metric() {
            match family.get_field_type() {
                MetricType::COUNTER => self.sample(full, metric, None, metric.get_counter().get_value()),
                MetricType::GAUGE => self.sample(full, metric, None, metric.get_gauge().get_value()),
                MetricType::HISTOGRAM => self.histogram(full, metric, exemplars.of(full, metric)),
                // No collector has these.
                MetricType::SUMMARY | MetricType::UNTYPED => {}
            }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the format has floats; exact up to 2^53"
    )]
    fn histogram(&mut self, name: &str, metric: &Metric, exemplars: &[Option<Exemplar>]) {
        let histogram = metric.get_histogram();
        let bounds = histogram.get_bucket().iter();
        let bounds = bounds.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
        let all = [(f64::INFINITY, histogram.get_sample_count())];
        let bucket = format!("{name}_bucket");
        for (place, (bound, count)) in bounds.chain(all).enumerate() {
            self.sample(&bucket, metric, Some(bound), count as f64);
            if let Some(Some(exemplar)) = exemplars.get(place) {
                // The end of the line of the sample.
                self.0.pop();
                let _ = writeln!(
                    self.0,
                    " # {{trace_id=\"{:032x}\"}} {} {}.{:03}",
                    exemplar.trace,
                    exemplar.duration.as_secs_f64(),
                    exemplar.ended_ms / 1_000,
                    exemplar.ended_ms % 1_000
                );
            }
        }
        self.sample(&format!("{name}_sum"), metric, None, histogram.get_sample_sum());
        let count = histogram.get_sample_count();
        self.sample(&format!("{name}_count"), metric, None, count as f64);
    }

    /// Appends the line of a sample; `bound` is the upper bound of a bucket.
    fn sample(&mut self, name: &str, metric: &Metric, bound: Option<f64>, value: f64) {
        self.0.push_str(name);
        let labels = metric.get_label();
        let mut separator = '{';
        for label in labels {
            let _ = write!(
                self.0,
                "{separator}{}=\"{}\"",
                label.name(),
                escaped(label.value())
            );
            separator = ',';
        }
        if let Some(bound) = bound {
            let _ = write!(self.0, "{separator}le=\"{}\"", canonical(bound));
        }
        if !labels.is_empty() || bound.is_some() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {}", number(value));
    }
}

/// Returns a bound in its canonical form, with a decimal point.
fn canonical(bound: f64) -> String {
    if bound.is_infinite() {
        "+Inf".into()
    } else {
        format!("{bound:?}")
    }
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value => value.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
