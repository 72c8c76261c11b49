//! The report about the evidence of a stage of a rollout plan.

use changes::CheckVerdict;
use rules::Timestamp;
use verdicts::{Totals, Uncounted, Verdict};

/// The evidence about a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageReport {
    /// The run of the plan.
    pub run: u64,
    /// The index of the stage.
    pub stage: usize,
    /// The start of the evidence.
    pub since: Timestamp,
    /// The checks with their results.
    pub checks: Vec<CheckReport>,
    /// All requests of treatment and of control.
    pub totals: (Totals, Totals),
    /// Requests and slots that were not counted.
    pub uncounted: Uncounted,
    /// True if the shares of the arms do not match the percentage: something else moves subjects.
    pub has_ratio_mismatch: bool,
    /// The ten tenants with the most errors, the most first.
    pub tenants: Vec<TenantErrorReport>,
    /// The other planned flags on routes of this one.
    pub confounded: Vec<ConfoundedFlag>,
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
