//! The statistical checks of a stage, and what a stage is configured with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{histogram::Histogram, level::Shape};

/// A check that needs counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Check {
    /// Treatment's share of errors is at most `rate` (0.01 is 1 %).
    ErrorRateAbove {
        /// The bound, above 0 and below 1.
        rate: f64,
    },
    /// Treatment's share of errors, relative to its own baseline, is at most `ratio` times control's.
    ErrorRateWorse {
        /// The bound: 1.2 allows 20 % more errors.
        ratio: f64,
    },
    /// At least `quantile` of treatment's requests take at most `bound`.
    LatencyAbove {
        /// 0.5, 0.95 or 0.99.
        quantile: f64,
        /// The bound.
        bound: Duration,
    },
    /// Treatment's quantile is at most `ratio` times control's.
    LatencyWorse {
        /// 0.5, 0.95 or 0.99.
        quantile: f64,
        /// The bound: 1.2 allows 20 % longer answers.
        ratio: f64,
    },
}

impl Check {
    /// Returns whether the check compares treatment with control.
    pub fn is_comparison(&self) -> bool {
        matches!(self, Self::ErrorRateWorse { .. } | Self::LatencyWorse { .. })
    }

    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::ErrorRateAbove { .. } | Self::ErrorRateWorse { .. } => Shape::Added,
            Self::LatencyAbove { .. } | Self::LatencyWorse { .. } => Shape::Odds,
        }
    }

    /// The share of bad requests that an absolute check allows; nothing for a comparison.
    pub(crate) fn allowed_share(&self) -> Option<f64> {
        match self {
            Self::ErrorRateAbove { rate } => Some(*rate),
            Self::LatencyAbove { quantile, .. } => Some(1.0 - quantile),
            Self::ErrorRateWorse { .. } | Self::LatencyWorse { .. } => None,
        }
    }

    /// The factor by which treatment's bad requests are divided before the arms are compared.
    ///
    /// If treatment has `ratio` times the errors of control, the divided errors of both arms are alike: the null
    /// hypothesis of a multiplicative effect (Rosenbaum, *Observational Studies*, 2002, chapter 5). For latencies,
    /// the two edges do the same.
    pub(crate) fn treatment_divisor(&self) -> f64 {
        match self {
            Self::ErrorRateWorse { ratio } => ratio.max(1.0),
            Self::ErrorRateAbove { .. } | Self::LatencyAbove { .. } | Self::LatencyWorse { .. } => 1.0,
        }
    }
}

/// The condition of pass, in each arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minimum {
    /// Requests that count.
    pub requests: u64,
    /// Tenants with such requests.
    pub tenants: u32,
}

impl Default for Minimum {
    fn default() -> Self {
        Self {
            requests: 500,
            tenants: 3,
        }
    }
}

/// The configuration of one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageConfig {
    /// The number of the slot in which the stage was entered.
    pub first_slot: u64,
    /// The probability that a unit of the stage's own audience (without earlier admissions) is in treatment.
    pub share: f64,
    /// Control's requests are answered and counted. False at 100 %, or if the gate rejects control.
    pub has_control: bool,
    /// The indices of the checks that, without control, attribute every disturbance to the flag at once. The others attribute
    /// one that begins within five minutes after the stage was entered, or that lasts for more than an hour: an incident
    /// cannot be told apart. It is for checks whose failure stops nothing.
    pub at_once: Vec<usize>,
    /// The condition of pass.
    pub minimum: Minimum,
    /// The most counted requests of one unit in one slot.
    pub cap: u32,
    /// The significance level of each check in this stage; see [`alpha_of_check`].
    pub alpha: f64,
    /// The checks, in the order of the verdicts.
    pub checks: Vec<Check>,
}

/// Divides a plan's alpha over its statistical checks and stages.
pub fn alpha_of_check(of_plan: f64, statistical_checks: u32, stages: u32) -> f64 {
    of_plan / f64::from(statistical_checks.max(1)) / f64::from(stages.max(1))
}

/// Counts of one unit before the stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Latencies.
    pub latency: Histogram,
}

/// The baseline of one unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The 24 hours before the stage.
    pub day: Tally,
    /// The last ten minutes of them: an incident that began before the stage is not held against the stage.
    pub recent: Tally,
}
