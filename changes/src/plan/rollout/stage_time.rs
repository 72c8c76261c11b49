//! The correction of the time that a plan has spent in its stage.

use serde_json::{Map, Value};

use super::{planned_flag, write};
use crate::event::Event;
use crate::permission::Permission;
use crate::plan::builder::{PlanBuilder, PlanStep};
use crate::refusal::{Code, Refusal};

/// Sets the time that a plan has spent in its stage. Only the controller does: it has seen the system clock jump.
pub(in crate::plan) fn correct_stage_time(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    (run, stage): (u64, usize),
    passed_ms: i64,
) -> PlanStep {
    if !builder.request.actor.is_controller() {
        return Err(vec![Permission::Operate.refusal(&builder.request.actor)].into());
    }
    let (flag, mut managed) = planned_flag(builder, key)?;
    let is_present = managed.run.id == run && managed.run.stage == Some(stage);
    if !(is_present && managed.state().is_active()) {
        let detail = format!("the stage of the rollout plan of {key} whose time was measured is over");
        return Err(vec![Refusal::new(Code::StepOutdated, detail)].into());
    }
    let at = builder.at();
    let details = [
        ("passed_ms", Value::from(managed.run.clock.passed_ms(at))),
        ("corrected_ms", passed_ms.into()),
    ];
    let details = details.map(|(name, value)| (name.to_owned(), value));
    managed.run.clock.correct(passed_ms, at);
    write(
        builder,
        Event::StageTimeCorrected,
        key,
        flag,
        Some(managed),
        Map::from_iter(details),
    );
    Ok(())
}
