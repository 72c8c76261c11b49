//! The progress of a plan: its start, the next stage, its completion, and the steps of the controller.

use config::{Check, Metric, RolloutPlan};
use rules::{Site, Sited};
use serde_json::{Map, Value};

use super::operation::{killed, roll_back_by};
use super::{ended_help, mark, planned_flag, preparation, write, wrong_state};
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::permission::Permission;
use crate::plan::builder::{PlanBuilder, PlanStep};
use crate::plan::facts::Facts;
use crate::plan::lifecycle::{kept_off, with_lifecycle};
use crate::plan::promotion::Promotion;
use crate::plan::raise;
use crate::policy::LifecyclePolicy;
use crate::refusal::{Code, Refusal};
use crate::rollout::{
    CheckResult, CheckVerdict, HaltCause, ManagedPlan, RolloutState, Step, StepAction, Wait, is_open,
    next_opening, run_id, step, waits,
};
use crate::timestamp;
use crate::watch::Watch;

/// Starts a plan: enters its first stage.
pub(in crate::plan) fn start(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    let (flag, managed) = planned_flag(builder, key)?;
    if !managed.state().is_prepared() {
        let help = match managed.state() {
            RolloutState::Paused => "resume it".to_owned(),
            state => ended_help(key, state).unwrap_or_else(|| "it was started already".to_owned()),
        };
        return Err(wrong_state(key, &managed, help).into());
    }
    // Again, because segments, tenants and policy may have changed since it was set.
    let mut reasons = preparation::check(
        builder.state,
        (key, &flag),
        &managed.plan,
        (policy, facts),
        builder.at(),
    );
    let missing = managed.missing_approvals();
    if !missing.is_empty() {
        reasons.push(unapproved(&missing));
    }
    let open = managed.open_items();
    if !open.is_empty() {
        let detail = format!("these items of the checklist are open: {}", open.join(", "));
        let items: Vec<Value> = open.iter().map(|item| (*item).into()).collect();
        let refusal = Refusal::new(Code::ChecklistOpen, detail).help("check them off when they are done");
        reasons.push(refusal.fact("items", items));
    }
    reasons.extend(killed(key, &flag));
    let windows = managed.plan.window_of(0);
    if !builder.request.force && !is_open(windows, builder.at()) {
        reasons.push(outside_window(next_opening(windows, builder.at())));
    }
    enter(
        builder,
        key,
        (flag, managed),
        (0, &[]),
        reasons,
        policy,
        facts,
        Map::new(),
    )
}

/// Advances a running plan to its next stage, or completes it after the last one. A person decides: the conditions of
/// the stage must be met, or the request is forced.
pub(in crate::plan) fn advance(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    evidence: &[CheckResult],
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    let (flag, managed) = planned_flag(builder, key)?;
    if managed.state() != RolloutState::Running {
        let help = match managed.state() {
            RolloutState::Paused => "resume it first".to_owned(),
            state => ended_help(key, state).unwrap_or_else(|| "start it first".to_owned()),
        };
        return Err(wrong_state(key, &managed, help).into());
    }
    let waits = waits(&managed, evidence, builder.at()).into_iter();
    // Approvals are never skipped: edited stages are not those that were approved.
    let is_binding = |wait: &Wait| match wait {
        Wait::Person | Wait::NotRunning => false,
        Wait::Approval { .. } => true,
        _ => !builder.request.force,
    };
    let reasons = waits
        .filter(is_binding)
        .map(|wait| unmet(&wait, builder))
        .collect();
    let forced = builder.request.force.then(|| ("forced".to_owned(), true.into()));
    let details = verdicts(evidence).into_iter().chain(forced).collect();
    match managed.next_stage() {
        Some(stage) => enter(
            builder,
            key,
            (flag, managed),
            (stage, evidence),
            reasons,
            policy,
            facts,
            details,
        ),
        None => {
            let conditions = (evidence, policy, facts);
            complete(builder, key, (flag, managed), conditions, reasons, details)
        }
    }
}

/// Takes a step of the controller: it must be the step that follows from the evidence now, so that a step that was
/// computed before another change, or taken already, has no effect.
pub(in crate::plan) fn take_step(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    (wanted, evidence): (&Step, &[CheckResult]),
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    if !builder.request.actor.is_controller() {
        return Err(vec![Permission::Operate.refusal(&builder.request.actor)].into());
    }
    let (flag, managed) = planned_flag(builder, key)?;
    if step(&managed, evidence, builder.at()).as_ref() != Some(wanted) {
        let detail = format!(
            "the rollout plan of {key} has changed since the step was computed: it is {}, at run {} and turn {}",
            managed.state().as_str(),
            managed.run.id,
            managed.run.sequence
        );
        let refusal = Refusal::new(Code::StepOutdated, detail).help("compute the step again");
        return Err(vec![refusal].into());
    }
    let mut details = verdicts(evidence);
    match &wanted.action {
        StepAction::Enter { stage } => enter(
            builder,
            key,
            (flag, managed),
            (*stage, evidence),
            Vec::new(),
            policy,
            facts,
            details,
        ),
        StepAction::Complete => {
            let conditions = (evidence, policy, facts);
            complete(builder, key, (flag, managed), conditions, Vec::new(), details)
        }
        StepAction::Pause { check } => {
            let mut managed = managed;
            details.insert("check".to_owned(), check.as_str().into());
            managed.pause(HaltCause::Check(check), mark(builder));
            write(builder, Event::RolloutPaused, key, flag, Some(managed), details);
            builder.plan.withdraws = true;
            Ok(())
        }
        StepAction::RollBack { check } => {
            details.insert("check".to_owned(), check.as_str().into());
            let to = managed.plan.rollback;
            let cause = HaltCause::Check(check);
            roll_back_by(builder, key, (flag, managed), to, cause, details);
            Ok(())
        }
    }
}

/// Enters a stage, unless there is a reason not to. The lifecycle of the stage is reached under the conditions of every
/// promotion; `default` and tier defaults stay.
#[expect(
    clippy::too_many_arguments,
    reason = "the facts of a promotion, and those of a stage"
)]
fn enter(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    (mut flag, mut managed): (ManagedFlag, ManagedPlan),
    (index, evidence): (usize, &[CheckResult]),
    mut reasons: Vec<Refusal>,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
    mut details: Map<String, Value>,
) -> PlanStep {
    let from = flag.lifecycle();
    let to = managed.plan.stages.get(index).and_then(|stage| stage.lifecycle);
    let promotion = from.zip(to).filter(|(from, to)| to > from);
    if let Some((from, to)) = promotion {
        let promotion = Promotion {
            state: builder.state,
            key,
            flag: &flag,
            from,
            to,
            at: builder.at(),
        };
        let known: Vec<Code> = reasons.iter().map(|reason| reason.code).collect();
        let unmet = promotion.unmet(policy, facts).into_iter();
        reasons.extend(unmet.filter(|reason| !known.contains(&reason.code)));
    } else if managed.run.stage.is_some() {
        // A stage serves more subjects, also without a promotion.
        reasons.extend(Promotion::blockers(&flag));
    }
    // The stage that ends was judged by its checks; the first one is, once it has begun. A promotion has the condition.
    let judged = managed.run.stage.unwrap_or(index);
    if promotion.is_none() && !measures_errors(&managed.plan, judged, evidence) {
        reasons.extend(failing(builder, (key, &flag), (policy, facts), &mut details));
    }
    if !reasons.is_empty() {
        return Err(reasons.into());
    }
    let event = match managed.run.stage {
        None => Event::RolloutStarted,
        Some(_) => Event::StageEntered,
    };
    let before = managed
        .stage_name()
        .map(|stage| ("from_stage".to_owned(), stage.into()));
    details.extend(before);
    if let Some((from, to)) = promotion {
        flag = with_lifecycle(&flag, to, builder);
        flag.state_mut().watch = Watch::after(to, builder.at(), policy.watch_ms);
        details.insert("from".to_owned(), from.as_str().into());
        details.insert("to".to_owned(), to.as_str().into());
    }
    if managed.run.stage.is_none() {
        managed.run.id = run_id(&managed.plan, builder.run_facts(key));
    }
    managed.enter(index, mark(builder));
    write(builder, event, key, flag, Some(managed), details);
    Ok(())
}

/// Returns true if a check of a stage measures the errors of requests. Where a gate answers control itself, a comparison can
/// apply by the plan, and does not by the evidence.
fn measures_errors(plan: &RolloutPlan, stage: usize, evidence: &[CheckResult]) -> bool {
    let applies = |check: &Check| {
        let result = evidence.iter().find(|result| result.check == *check.name);
        result.is_none_or(|result| result.verdict != CheckVerdict::NotApplicable)
    };
    let mut checks = plan.applicable_checks(stage);
    checks.any(|check| matches!(check.metric, Metric::ErrorRate(_)) && applies(check))
}

/// Returns the refusals of a step that serves more subjects while the flag's requests fail, and no check of the stage
/// measures that.
fn failing(
    builder: &PlanBuilder<'_>,
    flag: (&str, &ManagedFlag),
    conditions: (&LifecyclePolicy, &dyn Facts),
    details: &mut Map<String, Value>,
) -> Vec<Refusal> {
    let unmet = raise::check(builder, flag, conditions, details).err();
    let refusals = unmet.unwrap_or_default().into_iter();
    let named = refusals.map(|refusal| {
        let help = refusal.help.clone().unwrap_or_default();
        refusal.help(format!(
            "{help}. A check `error_rate` in the plan replaces this condition"
        ))
    });
    named.collect()
}

/// Completes a plan, unless there is a reason not to. Its last step is the only one that writes `default`.
fn complete(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    (mut flag, mut managed): (ManagedFlag, ManagedPlan),
    (evidence, policy, facts): (&[CheckResult], &LifecyclePolicy, &dyn Facts),
    mut reasons: Vec<Refusal>,
    mut details: Map<String, Value>,
) -> PlanStep {
    if managed.plan.finish.is_some() {
        reasons.extend(Promotion::blockers(&flag));
        let judged = managed.run.stage.unwrap_or_default();
        if !measures_errors(&managed.plan, judged, evidence) {
            reasons.extend(failing(builder, (key, &flag), (policy, facts), &mut details));
        }
    }
    if !reasons.is_empty() {
        return Err(reasons.into());
    }
    if let Some(finish) = &managed.plan.finish {
        let default = Sited::new(flag.variant(&finish.default).value, Site::default());
        details.insert("default".to_owned(), (*default.value).into());
        if !flag.is_off(&default) {
            builder.summary().kept_off = kept_off(&flag);
        }
        let default = rules::ServeDefinition::Variant(default);
        flag.promote_default(Some(Sited::new(default, Site::default())));
    }
    managed.complete(mark(builder));
    write(
        builder,
        Event::RolloutCompleted,
        key,
        flag,
        Some(managed),
        details,
    );
    Ok(())
}

/// Returns the verdicts for the audit log.
fn verdicts(evidence: &[CheckResult]) -> Map<String, Value> {
    let verdicts = evidence.iter();
    let verdicts: Map<String, Value> = verdicts
        .map(|result| (result.check.clone(), result.verdict.as_str().into()))
        .collect();
    let has_some = !verdicts.is_empty();
    let verdicts = has_some.then(|| ("verdicts".to_owned(), verdicts.into()));
    verdicts.into_iter().collect()
}

fn unapproved(roles: &[&str]) -> Refusal {
    let detail = format!("these roles have not approved the plan: {}", roles.join(", "));
    let roles: Vec<Value> = roles.iter().map(|role| (*role).into()).collect();
    Refusal::new(Code::ApprovalMissing, detail)
        .help("have another person approve for each of them")
        .fact("roles", roles)
}

fn outside_window(opens: Option<rules::Timestamp>) -> Refusal {
    let detail = match opens {
        Some(opens) => format!("the window is closed; it opens at {}", timestamp::minute(opens)),
        None => "the window is closed, and does not open within two weeks".to_owned(),
    };
    let refusal =
        Refusal::new(Code::OutsideWindow, detail).help("wait until then, or repeat it with `force`");
    match opens {
        Some(opens) => refusal.fact("opens", timestamp::text(opens)),
        None => refusal,
    }
}

/// Returns a reason to wait as a refusal.
fn unmet(wait: &Wait, builder: &PlanBuilder<'_>) -> Refusal {
    let force = "wait, or repeat it with `force`";
    match wait {
        Wait::Time { remaining_ms } => {
            let until = rules::Timestamp(builder.at().0.saturating_add(*remaining_ms));
            let remaining = timestamp::duration(*remaining_ms);
            let detail = format!(
                "the stage lasts {remaining} longer, until {}",
                timestamp::minute(until)
            );
            Refusal::new(Code::StageNotElapsed, detail)
                .help(force)
                .fact("remaining_ms", *remaining_ms)
                .fact("until", timestamp::text(until))
        }
        Wait::Check { check, verdict } => {
            let verdict = verdict.as_str();
            let detail = format!("the check `{check}` is {verdict}");
            Refusal::new(Code::CheckNotPassed, detail)
                .help("wait until it passes, or repeat it with `force`")
                .fact("check", check.as_str())
                .fact("verdict", verdict)
        }
        Wait::Unmeasured => Refusal::new(
            Code::CheckNotPassed,
            "no check applies, so that nothing measured the stage",
        )
        .help(force),
        Wait::Approval { roles } => {
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            unapproved(&roles)
        }
        Wait::Window { opens } => outside_window(*opens),
        Wait::Person => Refusal::new(Code::RolloutState, "a person has to advance the plan"),
        Wait::NotRunning => Refusal::new(Code::RolloutState, "the plan is not running"),
    }
}
