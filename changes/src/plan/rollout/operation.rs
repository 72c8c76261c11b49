//! The operations on a plan that stop it, continue it, or take the feature back.

use config::{Metric, Rollback};
use serde_json::{Map, Value};

use super::{ended_help, mark, planned_flag, write, wrong_state};
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::plan::builder::{PlanBuilder, PlanStep};
use crate::plan::flag::unsettle;
use crate::plan::note::{Note, NoteCode};
use crate::refusal::{Code, Refusal};
use crate::report::ReportedCause;
use crate::rollout::{HaltCause, ManagedPlan, RolloutState};

/// Pauses a running plan. Its stages stay in force.
pub(in crate::plan) fn pause(builder: &mut PlanBuilder<'_>, key: &str) -> PlanStep {
    let (flag, mut managed) = planned_flag(builder, key)?;
    match managed.state() {
        RolloutState::Paused => {}
        RolloutState::Running => {
            managed.pause(HaltCause::Operation, mark(builder));
            write(
                builder,
                Event::RolloutPaused,
                key,
                flag,
                Some(managed),
                Map::new(),
            );
        }
        state => {
            let help =
                ended_help(key, state).unwrap_or_else(|| "only a running plan can be paused".to_owned());
            return Err(wrong_state(key, &managed, help).into());
        }
    }
    builder.plan.withdraws = true;
    Ok(())
}

/// Continues a paused plan in the same stage.
pub(in crate::plan) fn resume(builder: &mut PlanBuilder<'_>, key: &str) -> PlanStep {
    let (flag, mut managed) = planned_flag(builder, key)?;
    match managed.state() {
        RolloutState::Running => return Ok(()),
        RolloutState::Paused => {}
        state => {
            let help = ended_help(key, state).unwrap_or_else(|| "start it first".to_owned());
            return Err(wrong_state(key, &managed, help).into());
        }
    }
    if let Some(killed) = killed(key, &flag) {
        return Err(vec![killed].into());
    }
    managed.resume(mark(builder));
    let notes: Vec<Note> = notes_of_reports(&flag, &managed).collect();
    builder.summary().notes.extend(notes);
    write(
        builder,
        Event::RolloutResumed,
        key,
        flag,
        Some(managed),
        Map::new(),
    );
    Ok(())
}

/// Returns a note for each check of the stage in force that fails at its next look because of open reports.
fn notes_of_reports(flag: &ManagedFlag, managed: &ManagedPlan) -> impl Iterator<Item = Note> {
    let causes = flag.state.reports.causes();
    let stage = managed.run.stage.unwrap_or_default();
    managed.plan.applicable_checks(stage).filter_map(move |check| {
        let Metric::Reports { same_cause } = check.metric else {
            return None;
        };
        let needed = usize::try_from(same_cause).unwrap_or(usize::MAX);
        let failing = causes.iter().filter(|cause| cause.orgs.len() >= needed);
        let failing: Vec<String> = failing.map(ReportedCause::sentence).collect();
        let detail = format!(
            "the check `{}` fails again unless these reports are closed: {}",
            check.name,
            failing.join("; ")
        );
        (!failing.is_empty()).then(|| Note {
            code: NoteCode::OpenReports,
            detail,
            help: "close the reports when the problem is solved".to_owned(),
        })
    })
}

/// Returns the refusal of an operation on the plan of a killed flag.
pub(super) fn killed(key: &str, flag: &ManagedFlag) -> Option<Refusal> {
    (!flag.is_enabled())
        .then(|| Refusal::new(Code::RollbackOpen, format!("{key} is killed")).help("restore the flag first"))
}

/// Rolls a plan back: in the way that the plan says, or in another one.
pub(in crate::plan) fn roll_back(builder: &mut PlanBuilder<'_>, key: &str, to: Option<Rollback>) -> PlanStep {
    let (flag, managed) = planned_flag(builder, key)?;
    if !managed.state().is_active() {
        let help = "only a running or paused plan can be rolled back; kill the flag, or set its rollout";
        return Err(wrong_state(key, &managed, help).into());
    }
    let to = to.unwrap_or(managed.plan.rollback);
    let cause = HaltCause::Operation;
    roll_back_by(builder, key, (flag, managed), to, cause, Map::new());
    Ok(())
}

/// Rolls a plan back, for this cause.
pub(super) fn roll_back_by(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    (mut flag, mut managed): (ManagedFlag, ManagedPlan),
    to: Rollback,
    cause: HaltCause<'_>,
    mut details: Map<String, Value>,
) {
    details.insert("rollback".to_owned(), to.as_str().into());
    let from = managed
        .stage_name()
        .map(|stage| ("from".to_owned(), stage.into()));
    details.extend(from);
    managed.roll_back(to, cause, mark(builder));
    if to == Rollback::Kill && flag.is_enabled() {
        flag.definition_mut().enabled = Some(false);
        unsettle(builder, &mut flag, "killed");
    } else {
        unsettle(builder, &mut flag, "rolled back");
    }
    write(
        builder,
        Event::RolloutRolledBack,
        key,
        flag,
        Some(managed),
        details,
    );
    builder.plan.withdraws = true;
}

/// Ends a plan. The flag is decided as without one.
pub(in crate::plan) fn cancel(builder: &mut PlanBuilder<'_>, key: &str) -> PlanStep {
    let (flag, mut managed) = planned_flag(builder, key)?;
    match managed.state() {
        RolloutState::Cancelled => return Ok(()),
        RolloutState::Completed => {
            let help = "a completed plan can only be removed";
            return Err(wrong_state(key, &managed, help).into());
        }
        _ => {}
    }
    managed.cancel(mark(builder));
    write(
        builder,
        Event::RolloutCancelled,
        key,
        flag,
        Some(managed),
        Map::new(),
    );
    Ok(())
}
