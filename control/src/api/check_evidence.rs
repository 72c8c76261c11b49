//! The evidence of one check of a rollout plan, in the body of its evidence.

use changes::{CheckVerdict, timestamp};
use config::{Bound, Check, Metric};
use serde::Serialize;
use utoipa::ToSchema;
use verdicts::{Minimum, Reason, Sample, Status, Verdict};

use super::verdict_reason::{reason_code, reason_text};
use crate::stage_report::{CheckReport, slot_end};

/// The largest e-value in an answer.
const MAX_EVIDENCE: f64 = 1e12;

/// The evidence of one check.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckEvidence)]
pub(crate) struct CheckEvidence {
    check: String,
    /// `error_rate`, `p50`, `p95`, `p99`, `prometheus` or `reports`.
    metric: &'static str,
    /// `notify`, `pause` or `rollback`.
    then: &'static str,
    /// `pass`, `fail`, `inconclusive` or `not_applicable`.
    verdict: &'static str,
    /// The reason of the verdict, as a code; absent before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    /// The reason as a sentence; absent before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The unit of `value` and `bound`: `share` (0.01 is 1 %), `seconds`, `ratio` to control (1.2 is 20 % worse), `number`
    /// or `orgs`.
    unit: &'static str,
    /// The value that was measured over the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    value: Option<f64>,
    /// The bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    bound: Option<f64>,
    /// The evidence that the bound is violated (an e-value), at least 1 and at most 10^12; absent for other checks than
    /// those of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    evidence: Option<f64>,
    /// The evidence at which the check fails: 1 / alpha.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    evidence_needed: Option<f64>,
    /// The requests that count for the check, of treatment and of control.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sample: Option<SamplesBody>,
    /// The time since which the verdict has been the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    since: Option<String>,
    /// The time of the last query to Prometheus; absent for other checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    sampled_at: Option<String>,
    /// The time of the last recovery of a check with `notify`; absent before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    recovered_at: Option<String>,
}

/// The requests that count for a check, by arm.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckSamples)]
struct SamplesBody {
    treatment: SampleBody,
    control: SampleBody,
}

/// The requests of one arm that count for a check.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckSample)]
struct SampleBody {
    requests: u64,
    /// The requests among them with an error, or that took longer than the bound.
    bad: u64,
    tenants: u32,
}

impl CheckEvidence {
    /// Returns the evidence of a check; `report` is none before the first look. `can_apply` is true if the check can apply
    /// to the stage, `minimum` is the sample that it needs.
    pub(super) fn new(
        check: &Check,
        report: Option<&CheckReport>,
        (can_apply, minimum): (bool, Minimum),
    ) -> Self {
        let test = report.and_then(|report| report.test);
        let query = report.and_then(|report| report.query.as_ref());
        let reports = report.and_then(|report| report.reports);
        let deciding = report.and_then(deciding_test);
        let reason = deciding.map(|(reason, _)| reason);
        let reason = reason.or(query.map(|query| query.reason));
        let reason = reason.or(reports.map(|reports| reports.reason()));
        let read = query.and_then(|query| query.error.clone());
        let value = test
            .and_then(|test| test.value)
            .or(query.and_then(|query| query.value))
            .or(reports.map(|reports| f64::from(u32::try_from(reports.reporting).unwrap_or(u32::MAX))));
        let recovered = report.and_then(|report| report.recovered_at);
        let recovery =
            recovered.map_or_else(String::new, |at| format!("; recovered {}", timestamp::minute(at)));
        let about = match deciding {
            Some((_, Tested::OptedIn)) => "tenants that opted in: ".to_owned(),
            _ => String::new(),
        };
        let verdict = match report {
            Some(report) => report.verdict,
            None if !can_apply => CheckVerdict::NotApplicable,
            None => CheckVerdict::Inconclusive,
        };
        let (unit, bound) = unit_and_bound(&check.metric);
        Self {
            check: check.name.to_string(),
            metric: check.metric.as_str(),
            then: check.then.as_str(),
            verdict: verdict.as_str(),
            reason: reason.map(reason_code),
            detail: read.or_else(|| reason.map(|reason| about + &reason_text(reason, minimum) + &recovery)),
            unit,
            value: value.filter(|value| value.is_finite()),
            bound,
            evidence: test.map(|test| test.log_evidence.exp().clamp(1.0, MAX_EVIDENCE)),
            evidence_needed: test.map(|test| test.needed.exp().min(MAX_EVIDENCE)),
            sample: test.map(|test| SamplesBody::from(&test)),
            since: test.map(|test| timestamp::text(slot_end(test.since))),
            sampled_at: query.and_then(|query| query.at).map(timestamp::text),
            recovered_at: recovered.map(timestamp::text),
        }
    }
}

/// The tenants whose requests decide the verdict of a check.
#[derive(Debug, Clone, Copy)]
enum Tested {
    Arms,
    OptedIn,
}

/// Returns the reason of a check of requests. It is that of the tenants that opted in if the verdict is worse than that of
/// the arms alone.
fn deciding_test(report: &CheckReport) -> Option<(Reason, Tested)> {
    let test = report.test?;
    let is_worse = match test.status {
        Status::Pass => report.verdict != CheckVerdict::Pass,
        Status::Fail => false,
        Status::Inconclusive | Status::NotApplicable => report.verdict == CheckVerdict::Fail,
    };
    match report.opted_in.filter(|_| is_worse) {
        Some(opted_in) => Some((opted_in.reason, Tested::OptedIn)),
        None => Some((test.reason, Tested::Arms)),
    }
}

/// Returns the unit of a metric, and its bound in this unit.
fn unit_and_bound(metric: &Metric) -> (&'static str, Option<f64>) {
    #[expect(clippy::cast_precision_loss, reason = "at most ten minutes")]
    let latency = |bound: &Bound<u64>| match bound {
        Bound::Above(ms) => ("seconds", Some(*ms as f64 / 1_000.0)),
        Bound::WorseThanControl(_) => ("ratio", bound.ratio()),
    };
    match metric {
        Metric::ErrorRate(bound) => match bound.rate() {
            Some(rate) => ("share", Some(rate)),
            None => ("ratio", bound.ratio()),
        },
        Metric::P50(bound) | Metric::P95(bound) | Metric::P99(bound) => latency(bound),
        Metric::Prometheus { bound, .. } => ("number", Some(bound.number())),
        Metric::Reports { same_cause } => ("orgs", Some(f64::from(*same_cause))),
    }
}

impl From<&Verdict> for SamplesBody {
    fn from(verdict: &Verdict) -> Self {
        Self {
            treatment: verdict.treatment.into(),
            control: verdict.control.into(),
        }
    }
}

impl From<Sample> for SampleBody {
    fn from(sample: Sample) -> Self {
        let Sample {
            requests,
            bad,
            tenants,
        } = sample;
        Self {
            requests,
            bad,
            tenants,
        }
    }
}
