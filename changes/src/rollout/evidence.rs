//! The evidence about the stage in force, as the state machine needs it: a verdict for each check.

use serde::{Deserialize, Serialize};

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// The metric is within its bound, with enough requests.
    Pass,
    /// The metric is beyond its bound.
    Fail,
    /// Too few requests, or evidence that does not add up. Neither advances nor rolls back.
    Inconclusive,
    /// The check cannot apply to the stage: it compares, and there is no control arm. Neither blocks nor fails.
    NotApplicable,
}

/// The verdict of a check of the stage in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckResult {
    /// The name of the check.
    pub check: String,
    /// The verdict.
    pub verdict: CheckVerdict,
}

impl CheckVerdict {
    /// All verdicts.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Inconclusive, Self::NotApplicable];

    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// Returns the verdict of the check with this name. A check without a result is inconclusive; of several results the
/// worst one counts.
#[must_use]
pub fn verdict_of(evidence: &[CheckResult], check: &str) -> CheckVerdict {
    let severity = |verdict: &CheckVerdict| match verdict {
        CheckVerdict::NotApplicable => 0,
        CheckVerdict::Pass => 1,
        CheckVerdict::Inconclusive => 2,
        CheckVerdict::Fail => 3,
    };
    let results = evidence.iter().filter(|result| result.check == check);
    let verdicts = results.map(|result| result.verdict);
    verdicts
        .max_by_key(severity)
        .unwrap_or(CheckVerdict::Inconclusive)
}
