//! The rollout plans of an applied document. That of a new flag is set, on the conditions of a plan that is set by itself;
//! that of a known flag is not, because operators own it.

use std::sync::Arc;

use config::{Edit, RolloutPlan, read_plan};
use rules::FlagDefinition;

use super::super::builder::PlanStep;
use super::super::note::{Note, NoteCode};
use super::super::planned::NoPlan;
use super::super::rollout;
use super::DocumentMerge;
use crate::flag::ManagedFlag;
use crate::rollout::{ManagedPlan, Mark, run_id};
use crate::state::{State, StateEdit};

impl DocumentMerge<'_, '_> {
    /// Sets the plan of a new flag. It is checked when all parts of the document are merged.
    pub(super) fn new_plan(&mut self, key: &str, flag: &mut ManagedFlag, written: &str) {
        let plan = read(written).filter(|_| self.options.facts.runs_plans());
        let Some(plan) = plan else { return };
        let id = run_id(&plan, self.builder.run_facts(key));
        let mark = Mark {
            by: &self.builder.request.actor.name,
            at: self.builder.at(),
            why: self.builder.request.reason.as_deref(),
        };
        rollout::put(flag, Some(ManagedPlan::new(plan, id, mark)));
        self.planned.push(key.into());
    }

    /// Checks the plans that were set against the state after the document, and adds their notes.
    pub(super) fn check_plans(&mut self, after: &State) {
        let (policy, facts) = (self.options.policy, self.options.facts);
        let at = self.builder.at();
        for (key, flag, managed) in new_plans(&self.planned, after) {
            let reasons = rollout::check(after, (key, &flag), &managed.plan, (policy, facts), at);
            let reasons = reasons.into_iter().map(|reason| reason.fact("flag", &**key));
            self.refusals.extend(reasons);
            let notes = rollout::notes(after, &managed.plan, facts);
            self.builder.summary().notes.extend(notes);
        }
    }

    /// Compiles the new flags with all stages of their plans in force.
    ///
    /// # Errors
    /// The edits of the document with the flags that do not compile, to be explained.
    pub(super) fn compile_plans(&self, after: &State) -> PlanStep {
        let staged = new_plans(&self.planned, after).filter_map(|(key, flag, managed)| {
            let staged = rollout::uncompilable(after, &flag, &managed.plan)?;
            Some(Edit::Flag(Arc::clone(key), Some(staged.into())))
        });
        let staged: Vec<Edit> = staged.collect();
        if staged.is_empty() {
            return Ok(());
        }
        let edits = self.builder.plan.edits.iter().chain(&self.shared_edits);
        let edits = edits.map(StateEdit::document_edit).chain(staged);
        Err(NoPlan::Unreadable(edits.map(|edit| edit.to_json()).collect()))
    }
}

/// Returns these flags with their plans.
fn new_plans<'p>(
    planned: &'p [Arc<str>],
    after: &State,
) -> impl Iterator<Item = (&'p Arc<str>, ManagedFlag, Arc<ManagedPlan>)> {
    planned.iter().filter_map(|key| {
        let flag = after.flag(key)?;
        let managed = flag.state.plan.clone()?;
        Some((key, flag, managed))
    })
}

/// Reads the plan of a definition. Its text was read from JSON, and has the form of a plan.
fn read(written: &str) -> Option<RolloutPlan> {
    read_plan(&serde_json::from_str(written).ok()?)
}

/// Returns true if the document has a plan, and the flag another one or none.
pub(super) fn writes_another_plan(written: &FlagDefinition, flag: &ManagedFlag) -> bool {
    let Some(plan) = &written.plan else { return false };
    read(plan).as_ref() != flag.state.plan.as_deref().map(|managed| &*managed.plan)
}

/// Returns the note of a plan that is not set, because its flag is known.
pub(super) fn not_set(key: &str, flag: &ManagedFlag) -> Note {
    let detail = match flag.state.plan {
        Some(_) => format!(
            "the plan of {key} in the document differs from that in the store, and is not set: operators own it"
        ),
        None => {
            format!("the plan of {key} in the document is not set: {key} exists, and operators own its plan")
        }
    };
    Note {
        code: NoteCode::PlanNotSet,
        detail,
        help: "to set it, `PUT .../rollout`; or remove it from the document".to_owned(),
    }
}
