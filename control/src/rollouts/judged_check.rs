//! The checks of a stage, each with the source of its verdict: a statistical test, a query or reports.

use std::time::Duration;

use config::{Bound, Check, CheckAction, Metric, RolloutPlan};
use serde::{Deserialize, Serialize};

use super::recovery::Recovery;
use super::sampled_query::SampledQuery;

/// A check of the stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct JudgedCheck {
    pub(super) name: String,
    pub(super) judge: Judge,
    /// The course of a check that only notifies; none of others, whose failure stays until a person resumes the plan.
    pub(super) recovery: Option<Recovery>,
}

/// The source of the verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Judge {
    /// The statistical test with this index.
    Test(usize),
    /// The open reports from people; it fails at this number of orgs with the same cause.
    Reports(u32),
    /// The query to Prometheus with this index.
    Query(usize),
}

/// The checks of a stage at its start, with their tests and queries.
pub(super) struct StageChecks {
    pub(super) checks: Vec<JudgedCheck>,
    /// The statistical tests, by the index of [`Judge::Test`].
    pub(super) tests: Vec<verdicts::Check>,
    /// The indices of the tests whose failure only notifies.
    pub(super) at_once: Vec<usize>,
    /// The queries, by the index of [`Judge::Query`].
    pub(super) queries: Vec<SampledQuery>,
}

impl StageChecks {
    /// Returns the checks of the plan and of its stage with this index.
    pub(super) fn of(plan: &RolloutPlan, stage: usize) -> Self {
        let mut tests = Vec::new();
        let mut queries = Vec::new();
        let mut checks = Vec::new();
        let mut at_once = Vec::new();
        for check in plan.checks_of(stage) {
            let judge = match (statistical_check(check), &check.metric) {
                (Some(test), _) => {
                    if check.then == CheckAction::Notify {
                        at_once.push(tests.len());
                    }
                    tests.push(test);
                    Judge::Test(tests.len().saturating_sub(1))
                }
                (None, Metric::Prometheus { query, bound }) => {
                    queries.push(SampledQuery::new(query, bound));
                    Judge::Query(queries.len().saturating_sub(1))
                }
                (None, Metric::Reports { same_cause }) => Judge::Reports(*same_cause),
                // Every other metric has a test.
                (None, _) => continue,
            };
            checks.push(JudgedCheck {
                name: check.name.to_string(),
                judge,
                recovery: (check.then == CheckAction::Notify).then(Recovery::default),
            });
        }
        Self {
            checks,
            tests,
            at_once,
            queries,
        }
    }
}

/// Returns the statistical test of a check; none if it has none.
fn statistical_check(check: &Check) -> Option<verdicts::Check> {
    let latency = |quantile: f64, bound: &Bound<u64>| match bound {
        Bound::Above(ms) => verdicts::Check::LatencyAbove {
            quantile,
            bound: Duration::from_millis(*ms),
        },
        Bound::WorseThanControl(_) => verdicts::Check::LatencyWorse {
            quantile,
            ratio: bound.ratio().unwrap_or(1.0),
        },
    };
    match &check.metric {
        Metric::ErrorRate(bound) => Some(match bound.rate() {
            Some(rate) => verdicts::Check::ErrorRateAbove { rate },
            None => verdicts::Check::ErrorRateWorse {
                ratio: bound.ratio().unwrap_or(1.0),
            },
        }),
        Metric::P50(bound) => Some(latency(0.5, bound)),
        Metric::P95(bound) => Some(latency(0.95, bound)),
        Metric::P99(bound) => Some(latency(0.99, bound)),
        Metric::Prometheus { .. } | Metric::Reports { .. } => None,
    }
}
