//! Bodies of answers about rollout plans.

use changes::{
    CheckResult, CheckVerdict, CourseEntry, Halt, ManagedPlan, PausingChange, Refusal, Revision,
    RolloutState, Turn, exposure_of, stages_without_control, timestamp, verdict_of,
};
use config::{Stage, ToJson as _};
use rules::{Lifecycle, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::rollout_wait::{WaitBody, waits_of};
use crate::stage_report::StageReport;

/// The state of a rollout plan.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutSummary)]
pub(crate) struct RolloutSummary {
    flag: String,
    /// `draft`, `approved`, `running`, `paused`, `rolled_back`, `cancelled` or `completed`.
    state: &'static str,
    /// The ticket of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ticket: Option<String>,
    /// The number of stages.
    stages: usize,
    /// The stage that was entered last; absent before the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stage: Option<StageBody>,
    /// The stage that is entered next; absent after the last one, and after the end of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_stage: Option<String>,
    /// The reasons for which it waits; empty if it advances at the next look, and after its end.
    waits: Vec<WaitBody>,
    /// The reason of a pause, a rollback or a cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    halt: Option<HaltBody>,
}

/// The stage of a rollout plan that was entered last.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutStage)]
struct StageBody {
    name: String,
    /// Its number, from 1.
    number: usize,
    /// The percentage of its audience.
    #[schema(value_type = f64)]
    percentage: Value,
    /// The condition of its audience; absent for everyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    audience: Option<Value>,
    /// The lifecycle to which it promotes the flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    lifecycle: Option<&'static str>,
    /// Its duration in milliseconds.
    duration_ms: u64,
    /// The time in the stage, in milliseconds. It stops while the plan is paused.
    passed_ms: i64,
    /// The time that is left, in milliseconds.
    remaining_ms: i64,
    /// False for 100 %: comparisons with a control arm do not apply.
    has_control: bool,
}

/// The reason of a pause, a rollback or a cancellation.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutHalt)]
struct HaltBody {
    by: String,
    #[schema(format = DateTime)]
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    why: Option<String>,
    /// The check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    check: Option<String>,
    /// The change of the flag that paused the plan: `kill` or `lifecycle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    change: Option<&'static str>,
}

/// A rollout plan with its state.
#[derive(Serialize, ToSchema)]
#[schema(as = Rollout)]
pub(crate) struct RolloutBody {
    revision: u64,
    #[serde(flatten)]
    pub(super) summary: RolloutSummary,
    /// The checks of the stage.
    checks: Vec<CheckBody>,
    /// The ten tenants with the most errors in the stage, the most first: errors of treatment, and of tenants that opted
    /// in.
    tenants: Vec<TenantErrorsBody>,
    /// The other planned flags on routes of this flag: a difference may be due to either.
    confounded: Vec<ConfoundedBody>,
    /// The roles that approve the plan.
    approvals: Vec<ApprovalBody>,
    /// The items of the checklist.
    checklist: Vec<ItemBody>,
    /// The stages without a control arm, by their names: comparisons do not apply to them.
    stages_without_control: Vec<String>,
    /// The stages in force, as the definition of the flag has them; null if the flag is decided as without a plan.
    #[schema(value_type = Option<Object>, required = true)]
    exposure: Option<Value>,
    /// The turns of the plan, at most the last 100.
    course: Vec<TurnBody>,
    /// The plan, as in a plan file.
    #[schema(value_type = Object)]
    plan: Value,
}

/// A check of a stage.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutCheck)]
struct CheckBody {
    check: String,
    /// `error_rate`, `p50`, `p95`, `p99`, `prometheus` or `reports`.
    metric: &'static str,
    /// `notify`, `pause` or `rollback`.
    then: &'static str,
    /// `pass`, `fail`, `inconclusive` or `not_applicable`.
    verdict: &'static str,
}

/// The errors of a tenant in a stage.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutTenant)]
struct TenantErrorsBody {
    /// The tenant; absent for requests without one, and beyond 32,768 tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenant: Option<String>,
    errors: u64,
    /// The number by which `errors` may be too high; 0 with up to 100 tenants that meet errors.
    surplus: u64,
}

/// Another planned flag on a route of the flag.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutConfounded)]
struct ConfoundedBody {
    flag: String,
    /// The share of the plan's requests, those of control included, that both plans treat, from 0 to 1.
    share: f64,
}

/// A role that approves a rollout plan; without `by` and `at` if it has not.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutApproval)]
struct ApprovalBody {
    role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    at: Option<String>,
}

/// An item of the checklist of a rollout plan; without `by` and `at` if it is open.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutItem)]
struct ItemBody {
    item: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    at: Option<String>,
}

/// A turn of a rollout plan.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutTurn)]
struct TurnBody {
    #[schema(format = DateTime)]
    at: String,
    by: String,
    /// `set`, `edited`, `approved`, `started`, `stage_entered`, `paused`, `resumed`, `rolled_back`, `cancelled` or
    /// `completed`.
    #[schema(value_type = String)]
    turn: Turn,
    /// The role of an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    role: Option<String>,
    /// The stage that was entered last, afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stage: Option<String>,
    /// The reason of a person, the check that failed, or the change of the flag that paused the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    why: Option<String>,
}

impl RolloutSummary {
    /// Adds the conditions that hold up the step that is due, if nothing else does.
    pub(super) fn held_up_by(&mut self, refusals: &[Refusal]) {
        if self.state == RolloutState::Running.as_str() && self.waits.is_empty() {
            self.waits = refusals.iter().map(WaitBody::of_refusal).collect();
        }
    }

    pub(super) fn new(flag: &str, managed: &ManagedPlan, verdicts: &[CheckResult], now: Timestamp) -> Self {
        let (plan, run) = (&managed.plan, &managed.run);
        let stage = run.stage.and_then(|index| Some((index, plan.stages.get(index)?)));
        let is_ended = !managed.state().is_active() && !managed.state().is_prepared();
        let next = managed
            .next_stage()
            .filter(|_| !is_ended)
            .and_then(|next| plan.stages.get(next));
        Self {
            flag: flag.to_owned(),
            state: managed.state().as_str(),
            ticket: plan.ticket.as_deref().map(str::to_owned),
            stages: plan.stages.len(),
            stage: stage.map(|(index, stage)| StageBody::new(index, stage, run.clock.passed_ms(now))),
            next_stage: next.map(|next| next.name.to_string()),
            waits: waits_of(managed, verdicts, now),
            halt: run.halt.as_ref().map(HaltBody::from),
        }
    }
}

impl StageBody {
    fn new(index: usize, stage: &Stage, passed_ms: i64) -> Self {
        let duration_ms = i64::try_from(stage.for_ms).unwrap_or(i64::MAX);
        Self {
            name: stage.name.to_string(),
            number: index.saturating_add(1),
            percentage: stage.percentage.to_json(),
            audience: stage.audience.as_ref().map(|audience| audience.value.to_json()),
            lifecycle: stage.lifecycle.map(Lifecycle::as_str),
            duration_ms: stage.for_ms,
            passed_ms,
            remaining_ms: duration_ms.saturating_sub(passed_ms).max(0),
            has_control: stage.has_control(),
        }
    }
}

impl RolloutBody {
    pub(super) fn new(
        (flag, revision): (&str, Revision),
        managed: &ManagedPlan,
        verdicts: &[CheckResult],
        report: Option<&StageReport>,
        now: Timestamp,
    ) -> Self {
        let plan = &managed.plan;
        Self {
            revision: revision.0,
            summary: RolloutSummary::new(flag, managed, verdicts, now),
            checks: checks(managed, verdicts),
            tenants: report.map_or_else(Vec::new, tenants),
            confounded: report.map_or_else(Vec::new, confounded),
            approvals: approvals(managed),
            checklist: checklist(managed),
            stages_without_control: stages_without_control(plan).map(str::to_owned).collect(),
            exposure: exposure_of(managed),
            course: managed.run.course.iter().map(TurnBody::from).collect(),
            plan: plan.to_json(),
        }
    }
}

/// Returns the checks of the stage that was entered last, with their verdicts.
fn checks(managed: &ManagedPlan, verdicts: &[CheckResult]) -> Vec<CheckBody> {
    let Some(index) = managed.run.stage else {
        return Vec::new();
    };
    let checks = managed.plan.checks_of(index).map(|check| {
        let verdict = match managed.plan.can_apply(check, index) {
            true => verdict_of(verdicts, &check.name),
            false => CheckVerdict::NotApplicable,
        };
        CheckBody {
            check: check.name.to_string(),
            metric: check.metric.as_str(),
            then: check.then.as_str(),
            verdict: verdict.as_str(),
        }
    });
    checks.collect()
}

fn tenants(report: &StageReport) -> Vec<TenantErrorsBody> {
    let tenants = report.tenants.iter().map(|tenant| TenantErrorsBody {
        tenant: tenant.tenant.clone(),
        errors: tenant.errors,
        surplus: tenant.surplus,
    });
    tenants.collect()
}

fn confounded(report: &StageReport) -> Vec<ConfoundedBody> {
    let confounded = report.confounded.iter().map(|confounded| ConfoundedBody {
        flag: confounded.flag.clone(),
        share: confounded.share,
    });
    confounded.collect()
}

fn approvals(managed: &ManagedPlan) -> Vec<ApprovalBody> {
    let roles = managed.plan.approvals.iter().map(|role| {
        let mut given = managed.run.approvals.iter();
        let given = given.find(|given| *given.role == **role);
        ApprovalBody {
            role: role.to_string(),
            by: given.map(|given| given.by.clone()),
            at: given.map(|given| timestamp::text(given.at)),
        }
    });
    roles.collect()
}

fn checklist(managed: &ManagedPlan) -> Vec<ItemBody> {
    let items = managed.plan.checklist.iter().map(|item| {
        let mut checked = managed.run.checked.iter();
        let checked = checked.find(|checked| *checked.item == **item);
        ItemBody {
            item: item.to_string(),
            by: checked.map(|checked| checked.by.clone()),
            at: checked.map(|checked| timestamp::text(checked.at)),
        }
    });
    items.collect()
}

impl From<&Halt> for HaltBody {
    fn from(halt: &Halt) -> Self {
        Self {
            by: halt.by.clone(),
            at: timestamp::text(halt.at),
            why: halt.why.clone(),
            check: halt.check.clone(),
            change: halt.change.map(PausingChange::as_str),
        }
    }
}

impl From<&CourseEntry> for TurnBody {
    fn from(entry: &CourseEntry) -> Self {
        Self {
            at: timestamp::text(entry.at),
            by: entry.by.clone(),
            turn: entry.turn,
            role: entry.role.clone(),
            stage: entry.stage.clone(),
            why: entry.why.clone(),
        }
    }
}
