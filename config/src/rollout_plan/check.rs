//! A check of a rollout plan: a metric, its bound, and the effect of a failure.

use rules::{Decimal, Spelled};

/// A check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The name, unique among the checks of a stage.
    pub name: Box<str>,
    /// The metric and its bound.
    pub metric: Metric,
    /// The effect of a failure.
    pub then: CheckAction,
}

/// A metric and its bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// The share of requests that met an error; the bound in percent.
    ErrorRate(Bound<Decimal>),
    /// The median of the time to the response; the bound in milliseconds.
    P50(Bound<u64>),
    /// The 95th percentile of the time to the response; the bound in milliseconds.
    P95(Bound<u64>),
    /// The 99th percentile of the time to the response; the bound in milliseconds.
    P99(Bound<u64>),
    /// The value of a query to Prometheus.
    Prometheus {
        /// The query.
        query: Box<str>,
        /// The bound.
        bound: PrometheusBound,
    },
    /// Reports from people.
    Reports {
        /// The number of orgs that report the same cause with which it fails.
        same_cause: u32,
    },
}

/// The bound of a metric of the treatment arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound<T> {
    /// It fails above this value.
    Above(T),
    /// It fails if it is more than this many percent above that of the control arm.
    WorseThanControl(Decimal),
}

/// The bound of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum PrometheusBound {
    /// It fails above this number.
    Above(Spelled<Decimal>),
    /// It fails below this number.
    Below(Spelled<Decimal>),
}

/// The effect of a check that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CheckAction {
    /// People are notified, and the stage does not end.
    Notify,
    /// The plan is paused.
    #[default]
    Pause,
    /// The plan is rolled back.
    Rollback,
}

impl CheckAction {
    /// All effects.
    pub const ALL: [Self; 3] = [Self::Notify, Self::Pause, Self::Rollback];

    /// Returns the name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Pause => "pause",
            Self::Rollback => "rollback",
        }
    }
}

impl Metric {
    /// Returns the name in documents.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ErrorRate(_) => "error_rate",
            Self::P50(_) => "p50",
            Self::P95(_) => "p95",
            Self::P99(_) => "p99",
            Self::Prometheus { .. } => "prometheus",
            Self::Reports { .. } => "reports",
        }
    }

    /// Returns true if it compares the arms, so that it needs a control arm.
    #[must_use]
    pub const fn is_comparison(&self) -> bool {
        match self {
            Self::ErrorRate(bound) => matches!(bound, Bound::WorseThanControl(_)),
            Self::P50(bound) | Self::P95(bound) | Self::P99(bound) => {
                matches!(bound, Bound::WorseThanControl(_))
            }
            Self::Prometheus { .. } | Self::Reports { .. } => false,
        }
    }

    /// Returns true if it is a statistical test of requests, which has a share of `alpha`.
    #[must_use]
    pub const fn is_statistical(&self) -> bool {
        match self {
            Self::ErrorRate(_) | Self::P50(_) | Self::P95(_) | Self::P99(_) => true,
            Self::Prometheus { .. } | Self::Reports { .. } => false,
        }
    }
}

/// Returns the nearest double. For statistics, which are not exact either.
pub(super) fn double(decimal: Decimal) -> f64 {
    decimal.to_string().parse().unwrap_or(f64::NAN)
}

impl Bound<Decimal> {
    /// Returns the bound of a rate as a fraction: `1%` is 0.01.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        match self {
            Self::Above(percent) => Some(double(percent) / 100.0),
            Self::WorseThanControl(_) => None,
        }
    }
}

impl<T> Bound<T> {
    /// Returns the allowed ratio to the control arm: `20%` is 1.2.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match self {
            Self::Above(_) => None,
            Self::WorseThanControl(percent) => Some(1.0 + double(*percent) / 100.0),
        }
    }
}

impl PrometheusBound {
    /// Returns the number.
    #[must_use]
    pub fn number(&self) -> f64 {
        match self {
            Self::Above(bound) | Self::Below(bound) => double(bound.value),
        }
    }

    /// Returns true if the value is beyond the bound.
    #[must_use]
    pub fn is_violated_by(&self, value: f64) -> bool {
        match self {
            Self::Above(bound) => value > double(bound.value),
            Self::Below(bound) => value < double(bound.value),
        }
    }
}
