//! `GET .../rollout/evidence`: the measurements behind the verdicts of the stage in force.

use changes::{ManagedPlan, Revision, timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use verdicts::{MIN_SUBJECTS, Totals, Uncounted};

use super::Api;
use super::check_evidence::CheckEvidence;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::rollout_minutes::{MinuteBody, percentiles_ms};
use super::rollouts::planned;
use crate::stage_report::{ArmReport, RatioReport, StageReport, slot_end};

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
            looked_at: report.and_then(|report| report.looked_at.map(|slot| timestamp::text(slot_end(slot)))),
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
    let checks = managed.plan.checks_of(index).map(|check| {
        let mut reports = report.into_iter().flat_map(|report| &report.checks);
        let found = reports.find(|found| found.name == *check.name);
        let minimum = report.map(|report| report.minimum).unwrap_or_default();
        CheckEvidence::new(check, found, (managed.plan.can_apply(check, index), minimum))
    });
    checks.collect()
}

impl From<ArmReport> for ArmBody {
    fn from(arm: ArmReport) -> Self {
        let [p50_ms, p95_ms, p99_ms] = percentiles_ms(arm.latency);
        Self {
            requests: arm.totals.requests,
            errors: arm.totals.errors,
            tenants: arm.tenants,
            p50_ms,
            p95_ms,
            p99_ms,
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
