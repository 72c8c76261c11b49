//! `GET .../rollout/evidence`: the measurements behind the verdicts of the stage in force.

use changes::{CheckVerdict, ManagedPlan, Revision, timestamp};
use config::{Bound, Check, Metric, Stage};
use rules::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use verdicts::{InvalidSlot, MIN_SUBJECTS, Minimum, Reason, Sample, Totals, Uncounted, Verdict};

use super::Api;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::rollouts::planned;
use crate::minute_report::MinuteReport;
use crate::stage_report::{ArmReport, CheckReport, RatioReport, SLOT_MS, StageReport};

/// The largest e-value in an answer.
const MAX_EVIDENCE: f64 = 1e12;

/// The evidence about the stage in force of a rollout plan.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutEvidence)]
pub(crate) struct EvidenceBody {
    revision: u64,
    flag: String,
    /// `draft`, `approved`, `running`, `paused`, `rolled_back`, `cancelled` or `completed`.
    state: &'static str,
    /// The stage that was entered last; absent before the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stage: Option<String>,
    /// The start of the evidence; absent before the first look at the checks of the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    since: Option<String>,
    /// The end of the last 5 seconds that the verdicts consider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    looked_at: Option<String>,
    /// The checks of the stage.
    checks: Vec<CheckEvidence>,
    /// The requests of the arms; absent before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    arms: Option<ArmsBody>,
    /// The subjects of the arms against the percentage of the stage; absent without a control arm.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sample_ratio: Option<SampleRatioBody>,
    /// The requests for the flag that are in neither arm, by reason.
    excluded: Vec<ExcludedBody>,
    /// The counts of the arms by minute, of the last 24 hours, the oldest first; only with `minutes=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    minutes: Option<Vec<MinuteBody>>,
    /// Counts that were not used: units beyond the maximum, units that changed their arm, slots that came late, slots
    /// that did not add up.
    uncounted: UncountedBody,
}

/// The counts of the arms in one minute.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutMinute)]
struct MinuteBody {
    #[schema(format = DateTime)]
    start: String,
    /// The arms with requests.
    arms: Vec<ArmMinuteBody>,
}

/// The counts of one arm in one minute. Percentiles are of the requests that count for verdicts.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutArmMinute)]
struct ArmMinuteBody {
    /// `treatment`, `control`, `opted_in` or `excluded`.
    arm: &'static str,
    requests: u32,
    errors: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p99_ms: Option<f64>,
}

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

/// The requests of treatment and control.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutArms)]
struct ArmsBody {
    treatment: ArmBody,
    /// Absent without a control arm.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    control: Option<ArmBody>,
}

/// The requests of one arm, without a cap. Percentiles are of the requests that count for verdicts.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutArm)]
struct ArmBody {
    requests: u64,
    errors: u64,
    tenants: u32,
    /// The median of the time to the response, in milliseconds; absent without a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p99_ms: Option<f64>,
}

/// The subjects of the arms against the percentage of the stage.
#[derive(Serialize, ToSchema)]
#[schema(as = SampleRatio)]
struct SampleRatioBody {
    /// Subjects in treatment, each counted at its first request.
    treatment: u64,
    control: u64,
    /// The share that should be in treatment.
    expected_share: f64,
    /// False with fewer than 50 subjects.
    tested: bool,
    /// True if something else than the percentage moves subjects: comparisons are inconclusive.
    mismatch: bool,
}

/// Requests for the flag that are in neither arm.
#[derive(Serialize, ToSchema)]
#[schema(as = ExcludedRequests)]
struct ExcludedBody {
    /// `opted_in`; or `other`: overrides, rules, admissions by an earlier stage, subjects outside of the audience.
    reason: &'static str,
    requests: u64,
    errors: u64,
}

/// Counts that were not used.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = UncountedRequests)]
struct UncountedBody {
    units_beyond_maximum: u64,
    units_moved: u64,
    late_slots: u64,
    invalid_slots: u64,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<EvidenceBody>, ApiProblem> {
    let key = request.flag();
    let (revision, managed) = planned(api, key)?;
    let report = api.evidence(key, &managed);
    let mut body = EvidenceBody::new((key, revision), &managed, report.as_ref());
    if request.query.is("minutes") {
        let minutes = api.judge.as_ref().map(|judge| judge.minutes(key));
        body.minutes = minutes.map(|minutes| minutes.iter().map(MinuteBody::from).collect());
    }
    Ok(Reply::at(revision, body))
}

impl EvidenceBody {
    pub(super) fn new(
        (flag, revision): (&str, Revision),
        managed: &ManagedPlan,
        report: Option<&StageReport>,
    ) -> Self {
        Self {
            revision: revision.0,
            flag: flag.to_owned(),
            state: managed.state().as_str(),
            stage: managed.stage_name().map(str::to_owned),
            since: report.map(|report| timestamp::text(report.since)),
            looked_at: report.and_then(|report| report.looked_at.map(end_of)),
            checks: checks(managed, report),
            arms: report.map(|report| ArmsBody {
                treatment: report.treatment.into(),
                control: report.has_control.then(|| report.control.into()),
            }),
            sample_ratio: report
                .filter(|report| report.has_control)
                .map(|report| report.sample_ratio.into()),
            excluded: report.map_or_else(Vec::new, excluded),
            minutes: None,
            uncounted: report.map(|report| report.uncounted.into()).unwrap_or_default(),
        }
    }
}

/// Returns the end of a slot.
fn end_of(slot: u64) -> String {
    let slot = i64::try_from(slot).unwrap_or(i64::MAX);
    timestamp::text(Timestamp(slot.saturating_mul(SLOT_MS)))
}

fn excluded(report: &StageReport) -> Vec<ExcludedBody> {
    let reasons = [
        ("opted_in", report.excluded.opted_in),
        ("other", report.excluded.other),
    ];
    let bodies = reasons.map(|(reason, Totals { requests, errors })| ExcludedBody {
        reason,
        requests,
        errors,
    });
    bodies.into()
}

/// Returns the evidence of the checks of the stage that was entered last.
fn checks(managed: &ManagedPlan, report: Option<&StageReport>) -> Vec<CheckEvidence> {
    let Some(index) = managed.run.stage else {
        return Vec::new();
    };
    let has_control = managed.plan.stages.get(index).is_some_and(Stage::has_control);
    let checks = managed.plan.checks_of(index).map(|check| {
        let mut reports = report.into_iter().flat_map(|report| &report.checks);
        let found = reports.find(|found| found.name == *check.name);
        let minimum = report.map(|report| report.minimum).unwrap_or_default();
        CheckEvidence::new(check, found, (has_control, minimum))
    });
    checks.collect()
}

impl CheckEvidence {
    fn new(check: &Check, report: Option<&CheckReport>, (has_control, minimum): (bool, Minimum)) -> Self {
        let test = report.and_then(|report| report.test);
        let query = report.and_then(|report| report.query.as_ref());
        let reports = report.and_then(|report| report.reports);
        let reason = test.map(|test| test.reason).or(query.map(|query| query.reason));
        let reason = reason.or(reports.map(|reports| reports.reason()));
        let read = query.and_then(|query| query.error.clone());
        let value = test
            .and_then(|test| test.value)
            .or(query.and_then(|query| query.value))
            .or(reports.map(|reports| f64::from(u32::try_from(reports.reporting).unwrap_or(u32::MAX))));
        let recovered = report.and_then(|report| report.recovered_at);
        let recovery =
            recovered.map_or_else(String::new, |at| format!("; recovered {}", timestamp::minute(at)));
        let applies = has_control || !check.metric.is_comparison();
        let verdict = match report {
            Some(report) => report.verdict,
            None if !applies => CheckVerdict::NotApplicable,
            None => CheckVerdict::Inconclusive,
        };
        let (unit, bound) = unit_and_bound(&check.metric);
        Self {
            check: check.name.to_string(),
            metric: check.metric.as_str(),
            then: check.then.as_str(),
            verdict: verdict.as_str(),
            reason: reason.map(reason_code),
            detail: read.or_else(|| reason.map(|reason| reason_text(reason, minimum) + &recovery)),
            unit,
            value: value.filter(|value| value.is_finite()),
            bound,
            evidence: test.map(|test| test.log_evidence.exp().clamp(1.0, MAX_EVIDENCE)),
            evidence_needed: test.map(|test| test.needed.exp().min(MAX_EVIDENCE)),
            sample: test.map(|test| SamplesBody::from(&test)),
            since: test.map(|test| end_of(test.since)),
            sampled_at: query.and_then(|query| query.at).map(timestamp::text),
            recovered_at: recovered.map(timestamp::text),
        }
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

/// Returns the code of a reason.
fn reason_code(reason: Reason) -> &'static str {
    match reason {
        Reason::Met => "met",
        Reason::Evidence => "evidence",
        Reason::NoControl => "no_control",
        Reason::FewRequests => "few_requests",
        Reason::FewTenants => "few_tenants",
        Reason::OutsideBound => "outside_bound",
        Reason::RecentEvidence => "recent_evidence",
        Reason::NoHistory => "no_history",
        Reason::NoSlots => "no_slots",
        Reason::Invalid(_) => "invalid_slot",
        Reason::RatioMismatch => "ratio_mismatch",
        Reason::OverBound => "over_bound",
        Reason::Unreadable => "unreadable",
        Reason::OpenReports => "open_reports",
        Reason::NoSample => "no_sample",
        Reason::Recovering => "recovering",
    }
}

/// Returns a reason as a sentence.
fn reason_text(reason: Reason, minimum: Minimum) -> String {
    let Minimum { requests, tenants } = minimum;
    let text = match reason {
        Reason::Met => "every condition is met",
        Reason::Evidence => "the evidence against it is sufficient",
        Reason::NoControl => "no control arm",
        Reason::FewRequests => return format!("fewer than {requests} requests in an arm"),
        Reason::FewTenants => return format!("fewer than {tenants} tenants in an arm"),
        Reason::OutsideBound => "outside of the bound, without sufficient evidence",
        Reason::RecentEvidence => "evidence against it within the last ten minutes",
        Reason::NoHistory => "no requests in the 24 h before the stage to compare with",
        Reason::NoSlots => "nothing was counted within the last minute",
        Reason::Invalid(invalid) => return format!("counts do not add up: {}", invalid_text(invalid)),
        Reason::RatioMismatch => "the arms do not have the percentage of the stage",
        Reason::OverBound => "over the bound, fewer than three times in a row",
        Reason::Unreadable => "the metric cannot be read",
        Reason::OpenReports => "reports of the same cause are open",
        Reason::NoSample => "nothing was measured yet",
        Reason::Recovering => "it has failed; its evidence began again, and must pass for ten minutes",
    };
    text.to_owned()
}

fn invalid_text(invalid: InvalidSlot) -> &'static str {
    match invalid {
        InvalidSlot::CounterFell => "a counter fell",
        InvalidSlot::ClockJumped => "the clock jumped, or nothing was counted for a minute",
        InvalidSlot::PartAboveWhole => "a part is larger than its whole",
        InvalidSlot::AboveCap => "more requests of a unit than the cap",
        InvalidSlot::UnitTwice => "a unit was counted twice",
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

impl From<ArmReport> for ArmBody {
    fn from(arm: ArmReport) -> Self {
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1_000.0;
        Self {
            requests: arm.totals.requests,
            errors: arm.totals.errors,
            tenants: arm.tenants,
            p50_ms: arm.latency.map(|latency| ms(latency.p50)),
            p95_ms: arm.latency.map(|latency| ms(latency.p95)),
            p99_ms: arm.latency.map(|latency| ms(latency.p99)),
        }
    }
}

impl From<&MinuteReport> for MinuteBody {
    fn from(minute: &MinuteReport) -> Self {
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1_000.0;
        let arms = minute.arms.iter().map(|arm| ArmMinuteBody {
            arm: arm.arm.as_str(),
            requests: arm.requests,
            errors: arm.errors,
            p50_ms: arm.latency.map(|latency| ms(latency.p50)),
            p95_ms: arm.latency.map(|latency| ms(latency.p95)),
            p99_ms: arm.latency.map(|latency| ms(latency.p99)),
        });
        Self {
            start: timestamp::text(minute.start),
            arms: arms.collect(),
        }
    }
}

impl From<RatioReport> for SampleRatioBody {
    fn from(ratio: RatioReport) -> Self {
        Self {
            treatment: ratio.treatment,
            control: ratio.control,
            expected_share: ratio.share,
            tested: ratio.treatment.saturating_add(ratio.control) >= MIN_SUBJECTS,
            mismatch: ratio.is_mismatch,
        }
    }
}

impl From<Uncounted> for UncountedBody {
    fn from(uncounted: Uncounted) -> Self {
        Self {
            units_beyond_maximum: uncounted.beyond_maximum,
            units_moved: uncounted.moved,
            late_slots: uncounted.late_slots,
            invalid_slots: uncounted.invalid_slots,
        }
    }
}
