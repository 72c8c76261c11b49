//! The evidence about the stage in force of a rollout plan, as it is shown to people.

use std::time::Duration;

use changes::CheckVerdict;
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use verdicts::{Minimum, Reason, Totals, Uncounted, Verdict};

/// The length of a slot of the evidence, in milliseconds.
pub(crate) const SLOT_MS: i64 = 5_000;

/// Returns the end of a slot.
pub(crate) fn slot_end(slot: u64) -> Timestamp {
    let slot = i64::try_from(slot).unwrap_or(i64::MAX);
    Timestamp(slot.saturating_mul(SLOT_MS))
}

/// The evidence about a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageReport {
    /// The run of the plan.
    pub run: u64,
    /// The index of the stage.
    pub stage: usize,
    /// The start of the evidence.
    pub since: Timestamp,
    /// The time since which the stage is held up by inconclusive checks alone: its time has passed, and none has failed.
    pub inconclusive_since: Option<Timestamp>,
    /// The slot at whose end the checks were looked at last; none before the first look.
    pub looked_at: Option<u64>,
    /// The checks with their results.
    pub checks: Vec<CheckReport>,
    /// The sample that a check needs to pass, in each arm.
    pub minimum: Minimum,
    /// True if control is answered and counted.
    pub has_control: bool,
    /// The requests of the treatment arm.
    pub treatment: ArmReport,
    /// The requests of the control arm.
    pub control: ArmReport,
    /// The requests that are in neither arm.
    pub excluded: Excluded,
    /// Requests and slots that were not counted.
    pub uncounted: Uncounted,
    /// The subjects of the arms against the percentage of the stage.
    pub sample_ratio: RatioReport,
    /// The ten tenants with the most errors, the most first.
    pub tenants: Vec<TenantErrorReport>,
    /// The other planned flags on routes of this one.
    pub confounded: Vec<ConfoundedFlag>,
}

/// The errors of a tenant in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantErrorReport {
    /// The id; none for requests without a tenant, or if the process has counted too many tenants to know it.
    pub tenant: Option<String>,
    /// The errors. Among more than 100 tenants they may be too many, by up to `surplus`.
    pub errors: u64,
    /// The number by which `errors` may be too high.
    pub surplus: u64,
}

/// Another planned flag on a route of the flag.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfoundedFlag {
    /// The key of the other flag.
    pub flag: String,
    /// The share of this plan's requests, those of control included, that both plans treat, from 0 to 1.
    pub share: f64,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// The name.
    pub name: String,
    /// The result.
    pub verdict: CheckVerdict,
    /// The statistical test; none for checks of another kind.
    pub test: Option<Verdict>,
    /// The same test of the tenants that opted in; none without requests of them, for a comparison, and in a stage without
    /// control, where they are a part of treatment.
    pub opted_in: Option<Verdict>,
    /// The query to Prometheus; none for checks of another kind.
    pub query: Option<QueryReport>,
    /// The orgs that reported the same cause; none for checks of another kind.
    pub reports: Option<ReportedOrgs>,
    /// The time of the last recovery of a check that only notifies; none before it.
    pub recovered_at: Option<Timestamp>,
}

/// The orgs whose reports of one cause are open, against the number at which the check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedOrgs {
    /// The largest number of orgs that reported the same cause.
    pub reporting: usize,
    /// The number at which the check fails.
    pub same_cause: u32,
}

impl ReportedOrgs {
    /// Returns the verdict. It holds only as long as the reports are open.
    #[must_use]
    pub fn verdict(self) -> CheckVerdict {
        match self.reason() {
            Reason::OpenReports => CheckVerdict::Fail,
            _ => CheckVerdict::Pass,
        }
    }

    /// Returns the reason of the verdict.
    #[must_use]
    pub fn reason(self) -> Reason {
        let needed = usize::try_from(self.same_cause.max(1)).unwrap_or(usize::MAX);
        match self.reporting >= needed {
            true => Reason::OpenReports,
            false => Reason::Met,
        }
    }
}

/// The samples of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryReport {
    /// The reason of the result.
    pub reason: Reason,
    /// The last value.
    pub value: Option<f64>,
    /// The time of the last attempt.
    pub at: Option<Timestamp>,
    /// The reason for which the last attempt failed.
    pub error: Option<String>,
    /// True after five failed attempts in a row.
    pub is_unreadable_for_long: bool,
}

/// The requests of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmReport {
    /// All requests and errors, without the cap.
    pub totals: Totals,
    /// The number of tenants.
    pub tenants: u32,
    /// The percentiles of the time to the response; none without a response.
    pub latency: Option<Percentiles>,
}

/// Percentiles of the time to the response. Each is the middle of its bucket, within 3.2 % of the measured time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// The median.
    pub p50: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}

/// The requests for a flag that are in neither arm of the stage, by their reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Requests of tenants that opted in: they have the flag whatever the stage decides.
    pub opted_in: Totals,
    /// All others: overrides, rules, admissions by an earlier stage, subjects outside of the audience.
    pub other: Totals,
}

/// The subjects of a stage by arm: the test for a sample ratio mismatch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioReport {
    /// Subjects in treatment.
    pub treatment: u64,
    /// Subjects in control.
    pub control: u64,
    /// The share of subjects that should be in treatment.
    pub share: f64,
    /// True if the shares of the arms do not match the percentage: something else moves subjects.
    pub is_mismatch: bool,
}
