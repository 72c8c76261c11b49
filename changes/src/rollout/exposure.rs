//! The stages in force, as the definition of the flag has them.

use config::{RolloutPlan, Stage, ToJson as _};
use rules::{Decimal, Spelled};
use serde_json::{Map, Value};

use super::managed_plan::ManagedPlan;
use super::run::Exposed;

/// Returns the `exposure` of the flag's definition while the plan is in this state; none if no stage is in force. Before
/// the start it has no stages: the flag is decided as without a plan, and its requests are counted.
#[must_use]
pub fn exposure_of(managed: &ManagedPlan) -> Option<Value> {
    let stages = |through: usize| managed.plan.stages.iter().take(through.saturating_add(1));
    match managed.run.exposed {
        Exposed::Nothing => {
            let is_prepared = managed.run.state.is_prepared();
            is_prepared.then(|| exposure(&managed.plan, std::iter::empty()))
        }
        Exposed::Through(stage) => Some(exposure_at(&managed.plan, stage)),
        Exposed::Withdrawn(stage) => {
            let zero = Spelled::from(Decimal::ZERO);
            let stages = stages(stage).map(|stage| (stage, &zero));
            Some(exposure(&managed.plan, stages))
        }
    }
}

/// Returns the `exposure` of the flag's definition in a stage of the plan, for the preview of a stage.
#[must_use]
pub fn exposure_at(plan: &RolloutPlan, stage: usize) -> Value {
    let stages = plan.stages.iter().take(stage.saturating_add(1));
    exposure(plan, stages.map(|stage| (stage, &stage.percentage)))
}

/// Returns the stages without a control arm, by their names: comparisons do not apply to them.
pub fn stages_without_control(plan: &RolloutPlan) -> impl Iterator<Item = &str> {
    let stages = plan.stages.iter().filter(|stage| !stage.has_control());
    stages.map(|stage| &*stage.name)
}

fn exposure<'p>(
    plan: &RolloutPlan,
    stages: impl Iterator<Item = (&'p Stage, &'p Spelled<Decimal>)>,
) -> Value {
    let stages = stages.map(|(stage, percentage)| {
        let mut fields = Map::new();
        fields.insert("name".to_owned(), (*stage.name).into());
        if let Some(audience) = &stage.audience {
            fields.insert("audience".to_owned(), audience.value.to_json());
        }
        fields.insert("percentage".to_owned(), percentage.to_json());
        Value::Object(fields)
    });
    let stages: Vec<Value> = stages.collect();
    let mut exposure = Map::new();
    if let Some(by) = &plan.by {
        exposure.insert("by".to_owned(), (*by.value).into());
    }
    if let Some(serve) = &plan.serve {
        exposure.insert("serve".to_owned(), serve.to_json());
    }
    exposure.insert("stages".to_owned(), stages.into());
    if !plan.errors.is_empty() {
        exposure.insert("errors".to_owned(), plan.errors.clone().into());
    }
    if let Some(breaker) = &plan.breaker {
        exposure.insert("breaker".to_owned(), breaker.to_json());
    }
    exposure.into()
}
