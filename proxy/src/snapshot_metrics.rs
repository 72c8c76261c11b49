//! The metrics of the served snapshot, read from its counters when `/metrics` is requested.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use crate::meter::Meters;
use crate::metric_family::{counter_metric, description, family, gauge_metric, histogram_metric, seconds};
use crate::series_exemplars::SeriesExemplars;

/// The histogram of requests by route.
const REQUEST_DURATION: &str = "sluice_request_duration_seconds";

/// The served snapshot's counters, revision and time.
#[derive(Debug)]
pub(crate) struct SnapshotMetrics {
    pub(crate) meters: Arc<Meters>,
    /// The revision, and the time of its publication.
    pub(crate) snapshot: Option<(Box<str>, SystemTime)>,
}

/// Exports [`SnapshotMetrics`].
#[derive(Debug)]
pub(crate) struct SnapshotCollector {
    current: Arc<ArcSwap<SnapshotMetrics>>,
    /// One of its families, as a representative: the registry uses it only to identify the collector.
    description: Desc,
}

impl SnapshotMetrics {
    pub(crate) fn none() -> Self {
        Self {
            meters: Arc::new(Meters::none()),
            snapshot: None,
        }
    }

    fn requests(&self) -> MetricFamily {
        let help = "Finished requests, by route, outcome and status class.";
        let metrics = self.meters.routes().flat_map(|route| {
            route.requests().all().map(|(outcome, class, count)| {
                counter_metric(
                    &[("route", route.name()), ("outcome", outcome), ("status", class)],
                    count,
                )
            })
        });
        family(
            "sluice_requests_total",
            help,
            MetricType::COUNTER,
            metrics.collect(),
        )
    }

    fn durations(&self) -> MetricFamily {
        let help = "Time from a request's head to the end of its response, by route.";
        let seen = self.meters.routes().filter(|route| !route.duration().is_empty());
        let metrics = seen.map(|route| histogram_metric(&[("route", route.name())], route.duration()));
        family(REQUEST_DURATION, help, MetricType::HISTOGRAM, metrics.collect())
    }

    /// Returns the exemplars of the histograms of routes.
    pub(crate) fn exemplars(&self) -> SeriesExemplars {
        let mut all = SeriesExemplars::default();
        for route in self.meters.routes() {
            all.add(REQUEST_DURATION, [route.name()], route.duration().exemplars());
        }
        all
    }

    fn decisions(&self) -> MetricFamily {
        let help = "Flag decisions for gates, by flag, served variant and cause.";
        let metrics = self.meters.flags().flat_map(|flag| {
            flag.decisions().map(|(variant, cause, count)| {
                counter_metric(
                    &[("flag", flag.key()), ("variant", variant), ("cause", cause)],
                    count,
                )
            })
        });
        family(
            "sluice_flag_decisions_total",
            help,
            MetricType::COUNTER,
            metrics.collect(),
        )
    }

    fn arms(&self) -> Vec<MetricFamily> {
        let observed = || self.meters.observed().all();
        let metrics = observed().flat_map(|flag| {
            flag.requests().map(|(arm, outcome, count)| {
                counter_metric(&[("flag", flag.key()), ("arm", arm), ("outcome", outcome)], count)
            })
        });
        let help = "Requests of observed flags, by flag, arm and outcome.";
        let requests = family(
            "sluice_flag_requests_total",
            help,
            MetricType::COUNTER,
            metrics.collect(),
        );
        let metrics = observed().flat_map(|flag| {
            flag.durations().map(|(arm, durations)| {
                histogram_metric(&[("flag", flag.key()), ("arm", arm.as_str())], durations)
            })
        });
        let help = "Time from a request's head to the end of its response, by observed flag and arm.";
        let durations = family(
            "sluice_flag_request_duration_seconds",
            help,
            MetricType::HISTOGRAM,
            metrics.collect(),
        );
        vec![requests, durations]
    }

    fn breakers(&self) -> Vec<MetricFamily> {
        let observed = self.meters.observed();
        if observed.all_breakers().next().is_none() {
            return Vec::new();
        }
        let open = observed.all_breakers().map(|breaker| {
            let open = u32::try_from(breaker.open()).unwrap_or(u32::MAX);
            gauge_metric(&[("flag", breaker.flag())], open.into())
        });
        let openings = observed.all_breakers().map(|breaker| {
            let is_dry_run = breaker.settings().dry_run;
            let labels = [
                ("flag", breaker.flag()),
                ("dry_run", if is_dry_run { "true" } else { "false" }),
            ];
            counter_metric(&labels, breaker.openings())
        });
        let uncounted = counter_metric(&[], observed.process_breakers().uncounted());
        let family = |name, help, kind, metrics| family(name, help, kind, metrics);
        vec![
            family(
                "sluice_breakers_open",
                "Tenants that a flag is off for by its circuit breaker, by flag.",
                MetricType::GAUGE,
                open.collect(),
            ),
            family(
                "sluice_breaker_openings_total",
                "Openings of circuit breakers, by flag; with dry_run=\"true\" those that would have been.",
                MetricType::COUNTER,
                openings.collect(),
            ),
            family(
                "sluice_breaker_uncounted_requests_total",
                "Requests that no circuit breaker counted, because there were too many tenants.",
                MetricType::COUNTER,
                vec![uncounted],
            ),
        ]
    }

    fn snapshot(&self, now: SystemTime) -> Vec<MetricFamily> {
        let Some((revision, at)) = &self.snapshot else {
            return Vec::new();
        };
        let age = now.duration_since(*at).unwrap_or_default();
        let gauge = |name, help, metric| family(name, help, MetricType::GAUGE, vec![metric]);
        vec![
            gauge(
                "sluice_snapshot_info",
                SNAPSHOT_HELP,
                gauge_metric(&[("revision", revision)], 1.0),
            ),
            gauge(
                "sluice_snapshot_loaded_timestamp_seconds",
                "Time when the served snapshot was published, in seconds since 1970.",
                gauge_metric(&[], seconds(*at)),
            ),
            gauge(
                "sluice_snapshot_age_seconds",
                "Seconds since the served snapshot was published.",
                gauge_metric(&[], age.as_secs_f64()),
            ),
        ]
    }
}

impl SnapshotCollector {
    pub(crate) fn new(current: Arc<ArcSwap<SnapshotMetrics>>) -> Self {
        Self {
            current,
            description: description("sluice_snapshot_info", SNAPSHOT_HELP),
        }
    }
}

impl Collector for SnapshotCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let current = self.current.load_full();
        let mut families = vec![current.requests(), current.decisions(), current.durations()];
        families.extend(current.arms());
        families.extend(current.breakers());
        families.extend(current.snapshot(SystemTime::now()));
        families
    }
}

/// Help text of the revision's gauge.
const SNAPSHOT_HELP: &str = "The revision of the served snapshot, as a label.";
