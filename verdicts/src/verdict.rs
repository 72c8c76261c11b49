//! The result of a check, its reason, and the numbers behind it.

use serde::{Deserialize, Serialize};

use crate::slot::InvalidSlot;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// The minimum is met in each arm, the value is within the bound, and nothing spoke against it for ten minutes.
    Pass,
    /// The evidence reached `1 / alpha`. It stays a failure until its evidence is begun anew.
    Fail,
    /// Neither.
    Inconclusive,
    /// The check compares with a control arm, and there is none. It neither blocks nor fails.
    NotApplicable,
}

/// The reason of a [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Every condition of pass is met.
    Met,
    /// The evidence reached `1 / alpha`.
    Evidence,
    /// There is no control arm.
    NoControl,
    /// An arm has fewer requests than the minimum.
    FewRequests,
    /// An arm has fewer tenants than the minimum.
    FewTenants,
    /// The point estimate is outside the bound, without enough evidence.
    OutsideBound,
    /// The evidence was 10 or more within the last ten minutes.
    RecentEvidence,
    /// No unit of an arm has requests in the 24 hours before the stage: nothing can be compared.
    NoHistory,
    /// No slot arrived within the last minute.
    NoSlots,
    /// The counts of a slot within the last ten minutes did not add up.
    Invalid(InvalidSlot),
    /// The share of subjects in treatment is not the stage's percentage: something else moves subjects.
    RatioMismatch,
    /// A sample was over the bound, fewer than three times in a row.
    OverBound,
    /// The metric cannot be read.
    Unreadable,
    /// Reports of the same cause from different orgs are open.
    OpenReports,
    /// No sample was taken yet.
    NoSample,
    /// The check has failed. Its evidence began anew, and does not show a recovery yet.
    Recovering,
}

/// The sample of one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Requests that count.
    pub requests: u64,
    /// Bad ones among them: errors, or those above the latency bound.
    pub bad: u64,
    /// Tenants.
    pub tenants: u32,
}

/// The verdict of one statistical check.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The result.
    pub status: Status,
    /// Its reason.
    pub reason: Reason,
    /// The point estimate over the stage: a rate, a ratio, or seconds, as the bound.
    pub value: Option<f64>,
    /// The bound: a rate, a ratio (1.2 is 20 % worse), or seconds.
    pub bound: f64,
    /// Treatment's sample.
    pub treatment: Sample,
    /// Control's sample.
    pub control: Sample,
    /// The natural logarithm of the evidence after the last slot: the e-value times its weight, at least 0.
    pub log_evidence: f64,
    /// The evidence that fails the check: `ln (1 / alpha)`.
    pub needed: f64,
    /// The slot since which the status has been the same.
    pub since: u64,
}
