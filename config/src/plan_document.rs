//! Reading of rollout plans: from the JSON of the admin API and the store, and from the text of a file.

use std::path::Path;

use serde_json::Value;

use crate::catalog::read_field;
use crate::files::Files;
use crate::json;
use crate::load_context::LoadContext;
use crate::report::Report;
use crate::rollout_plan::RolloutPlan;
use crate::shape::plan::PlanForm;

/// The help of an empty file, in place of that of other documents: a plan has no `version`.
const EMPTY_HELP: &str =
    "only `stages` is required; `sluice rollout plan FLAG --template careful` prints a plan to begin with";

/// A plan that was read from a text.
#[derive(Debug)]
pub struct PlanDocument {
    /// The plan.
    pub plan: RolloutPlan,
    /// The plan as it is written, for the admin API.
    pub value: Value,
}

/// Reads a plan, as documents write it. Returns none if it does not have the form; [`Catalog::explain`] returns the
/// problems of a flag with it.
///
/// [`Catalog::explain`]: crate::Catalog::explain
#[must_use]
pub fn read_plan(written: &Value) -> Option<RolloutPlan> {
    read_field::<PlanForm>(written)
}

/// Reads a plan from the text of a YAML or JSON file. `name` is the path of the file in reports.
///
/// # Errors
/// All problems of syntax and form, each with its place and help.
pub fn plan_document(name: &str, text: &[u8]) -> Result<PlanDocument, Report> {
    let mut context = LoadContext::of(Files::Memory([(name.into(), text.to_vec())].into()));
    let sources: Vec<_> = context.source(Path::new(name), None).into_iter().collect();
    let (documents, read) = context.read_documents::<PlanForm>(&sources);
    for problem in &mut context.problems {
        if problem.code == "empty-document" {
            problem.help = Some(EMPTY_HELP.to_owned());
        }
    }
    let value = documents.first().map(|document| json::value(&document.root));
    let is_read = !read.is_empty() && context.problems.is_empty();
    // Read again without places: they would outlive the text.
    let plan = value.as_ref().filter(|_| is_read).and_then(read_plan);
    match (plan, value) {
        (Some(plan), Some(value)) => Ok(PlanDocument { plan, value }),
        _ => Err(context.into_report()),
    }
}

#[cfg(test)]
mod tests;
