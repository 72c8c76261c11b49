//! The rollout plans of an applied document.

use config::{RolloutPlan, read_plan};
use rules::FlagDefinition;

use super::super::rollout;
use super::DocumentMerge;
use crate::flag::ManagedFlag;
use crate::rollout::{ManagedPlan, Mark, Surroundings, run_id, unsuitable};

impl DocumentMerge<'_, '_> {
    /// Sets the plan of a new flag, unless it cannot advance.
    pub(super) fn new_plan(&mut self, key: &str, flag: &mut ManagedFlag, written: &str) {
        // The text was read from JSON, and has the form of a plan.
        let plan = serde_json::from_str(written).ok();
        let plan: Option<RolloutPlan> = plan.as_ref().and_then(read_plan);
        let Some(plan) = plan.filter(|_| self.options.facts.runs_plans()) else {
            return;
        };
        let (known, written) = (&self.builder.state.document.segments, &self.segments);
        let segment = |name: &str| written.get(name).or_else(|| known.get(name)).cloned();
        let (policy, facts) = (self.options.policy, self.options.facts);
        let surroundings = Surroundings {
            segments: written.keys().chain(known.keys()).map(|name| &**name).collect(),
            ..rollout::surroundings(self.builder, key, flag, &segment, policy, facts)
        };
        let reasons = unsuitable(&plan, &surroundings);
        if !reasons.is_empty() {
            let reasons = reasons.into_iter().map(|reason| reason.fact("flag", key));
            return self.refusals.extend(reasons);
        }
        let id = run_id(&plan, self.builder.run_facts(key));
        let mark = Mark {
            by: &self.builder.request.actor.name,
            at: self.builder.at(),
            why: self.builder.request.reason.as_deref(),
        };
        rollout::put(flag, Some(ManagedPlan::new(plan, id, mark)));
    }
}

/// Returns true if the document has a plan, and the flag another one or none.
pub(super) fn writes_another_plan(written: &FlagDefinition, flag: &ManagedFlag) -> bool {
    let Some(plan) = &written.plan else { return false };
    let plan = serde_json::from_str(plan).ok();
    let plan = plan.as_ref().and_then(read_plan);
    plan.as_ref() != flag.state.plan.as_deref().map(|managed| &*managed.plan)
}
