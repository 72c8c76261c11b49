//! Changes of a flag's rollout plan. What all of them have in common: the guards of other changes while a plan is active,
//! and the place where a plan and its exposure are written.

mod operation;
mod preparation;
mod progress;
mod stage_time;

use serde_json::{Map, Value};

use super::builder::PlanBuilder;
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::refusal::{Code, Refusal};
use crate::rollout::{Exposed, HaltCause, ManagedPlan, Mark, PausingChange, RolloutState, exposure_of};

pub(super) use self::operation::{cancel, pause, resume, roll_back};
pub(super) use self::preparation::{approve, check, check_item, notes, remove, set, uncompilable};
pub(super) use self::progress::{advance, start, take_step};
pub(super) use self::stage_time::correct_stage_time;

/// Returns the flag and its plan.
fn planned_flag(builder: &PlanBuilder<'_>, key: &str) -> Result<(ManagedFlag, ManagedPlan), Vec<Refusal>> {
    let flag = builder.flag(key)?;
    let managed = flag.state.plan.as_deref().cloned();
    let managed = managed.ok_or_else(|| {
        let refusal = Refusal::new(Code::PlanNotFound, format!("{key} has no rollout plan"));
        vec![refusal.help("set a plan first").fact("flag", key)]
    })?;
    Ok((flag, managed))
}

/// Returns the actor, time and reason of the request.
fn mark<'b>(builder: &'b PlanBuilder<'_>) -> Mark<'b> {
    Mark {
        by: &builder.request.actor.name,
        at: builder.at(),
        why: builder.request.reason.as_deref(),
    }
}

/// Writes a flag with its plan, and the stages in force into its definition.
fn write(
    builder: &mut PlanBuilder<'_>,
    event: Event,
    key: &str,
    mut flag: ManagedFlag,
    managed: Option<ManagedPlan>,
    mut details: Map<String, Value>,
) {
    if let Some(managed) = &managed {
        details.insert("run".to_owned(), managed.run.id.into());
        details.insert("rollout".to_owned(), managed.state().as_str().into());
        let stage = managed
            .stage_name()
            .map(|stage| ("stage".to_owned(), stage.into()));
        details.extend(stage);
    }
    put(&mut flag, managed);
    builder.write_flag(event, key, flag, details);
}

/// Sets the plan of a flag, and the stages in force in its definition.
pub(super) fn put(flag: &mut ManagedFlag, managed: Option<ManagedPlan>) {
    flag.set_exposure(managed.as_ref().and_then(exposure_of).as_ref());
    flag.state_mut().plan = managed.map(Into::into);
}

/// Returns the refusal of an operation that the state of the plan does not permit.
fn wrong_state(key: &str, managed: &ManagedPlan, help: impl Into<String>) -> Vec<Refusal> {
    let state = managed.state().as_str();
    let detail = format!("the rollout plan of {key} is {}", state.replace('_', " "));
    vec![
        Refusal::new(Code::RolloutState, detail)
            .help(help)
            .fact("rollout", state),
    ]
}

/// Returns the help of an operation on a plan that has ended; none before its end. Its run is over, and only a plan that is
/// set anew has another one.
fn ended_help(key: &str, state: RolloutState) -> Option<String> {
    let is_ended = !state.is_active() && !state.is_prepared();
    is_ended.then(|| {
        format!(
            "to run it again, set it again (`sluice rollout plan {key} -f FILE`, also with the same file), have it approved, and \
             start it"
        )
    })
}

/// A change that decides over what an active plan decides over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ManualChange {
    /// The rollout is set: it takes the place of the stages.
    Rollout,
    /// The lifecycle is set.
    Lifecycle,
    /// The flag is retired: it serves its final variant to everyone.
    Retirement,
}

impl ManualChange {
    /// Returns the effect of the forced change on an active plan, as a verb.
    fn effect_on_plan(self) -> &'static str {
        match self {
            Self::Rollout | Self::Retirement => "cancels",
            Self::Lifecycle => "pauses",
        }
    }
}

/// Ends or pauses the plan of a flag that is changed by hand: a new rollout ends it, and a new lifecycle pauses it.
///
/// Returns the refusal, to be reported with those of the change, if the plan is active and the change is not forced. The
/// flag then stays as it is.
#[must_use]
pub(super) fn yield_to_hand(
    builder: &PlanBuilder<'_>,
    key: &str,
    flag: &mut ManagedFlag,
    change: ManualChange,
) -> Option<Refusal> {
    let mut managed = flag.state.plan.as_deref().cloned()?;
    if let Some(refusal) = excluded_by_plan(key, flag, change).filter(|_| !builder.request.force) {
        return Some(refusal);
    }
    let mark = mark(builder);
    match (change, managed.state()) {
        (ManualChange::Rollout, state) if state.is_active() => managed.cancel(mark),
        // The stages of an ended plan would have precedence over the rollout.
        (ManualChange::Rollout, _) => managed.run.exposed = Exposed::Nothing,
        (ManualChange::Retirement, state) if state.is_active() || state.is_prepared() => managed.cancel(mark),
        (ManualChange::Retirement, _) => managed.run.exposed = Exposed::Nothing,
        (ManualChange::Lifecycle, RolloutState::Running) => {
            managed.pause(HaltCause::Change(PausingChange::Lifecycle), mark);
        }
        (ManualChange::Lifecycle, _) => {}
    }
    put(flag, Some(managed));
    None
}

/// Returns the refusal of a change by hand if the flag's plan is active.
pub(super) fn excluded_by_plan(key: &str, flag: &ManagedFlag, change: ManualChange) -> Option<Refusal> {
    let managed = flag.state.plan.as_deref()?;
    managed
        .state()
        .is_active()
        .then(|| running(key, managed, change.effect_on_plan()))
}

/// Pauses the plan of a flag that is killed. A restore does not resume it.
pub(super) fn pause_killed(builder: &PlanBuilder<'_>, flag: &mut ManagedFlag) {
    let running = flag.state.plan.as_deref();
    let running = running.filter(|managed| managed.state() == RolloutState::Running);
    if let Some(mut managed) = running.cloned() {
        let mark = mark(builder);
        managed.pause(HaltCause::Change(PausingChange::Kill), mark);
        put(flag, Some(managed));
    }
}

/// Returns the refusal of a change that an active plan excludes. `effect` is the effect of the forced change on the plan,
/// as a verb.
pub(super) fn running(key: &str, managed: &ManagedPlan, effect: &str) -> Refusal {
    let state = managed.state().as_str();
    let stage = managed.stage_name().unwrap_or_default();
    let detail = format!("the rollout plan of {key} is {state}, in stage `{stage}`");
    Refusal::new(Code::RolloutRunning, detail)
        .help(format!(
            "`GET .../rollout` shows the plan; wait until it ends or cancel it, since a paused plan excludes the change \
             too; or repeat the change with `force`, which {effect} the plan"
        ))
        .fact("flag", key)
        .fact("rollout", state)
        .fact("stage", stage)
}
