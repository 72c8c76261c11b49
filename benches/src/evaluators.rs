//! The evaluators, each with its own form of the flag and of the callers. The forms are created once and are not measured.

use crate::{Caller, floor::Floor, launchdarkly::LaunchDarkly, sluice::Sluice, yggdrasil::Yggdrasil};

/// The key of the flag in every form.
pub(crate) const FLAG: &str = "dispatch.v2Board";

/// The evaluator of a flag without the rules.
pub(crate) const WITHOUT_RULES: &str = "sluice, the rollout alone";

/// An operation on each evaluator: a check or a measurement. Generic, so that calls are direct.
pub trait EvaluatorVisitor {
    /// Visits the evaluator `name`, with its form of the callers in order, and the function that decides the flag for one.
    fn visit<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool);
}

/// Calls the visitor with every evaluator, for the same callers.
pub fn visit_evaluators(callers: &[Caller], visitor: &mut impl EvaluatorVisitor) {
    let floor = Floor::new();
    visitor.visit("floor", &floor.subjects(callers), |subject| floor.is_on(subject));

    let sluice = Sluice::rollout_alone();
    let attributes = sluice.attributes(callers);
    let subjects = sluice.unknown_subjects(callers, &attributes);
    visitor.visit(WITHOUT_RULES, &subjects, |subject| sluice.is_on(subject));

    let sluice = Sluice::with_records(callers);
    let attributes = sluice.attributes(callers);
    let subjects = sluice.known_subjects(callers, &attributes);
    visitor.visit("sluice", &subjects, |subject| sluice.is_on(subject));

    let sluice = Sluice::without_records();
    let attributes = sluice.attributes(callers);
    let subjects = sluice.unknown_subjects(callers, &attributes);
    visitor.visit("sluice, attributes in the request", &subjects, |subject| {
        sluice.is_on(subject)
    });

    let yggdrasil = Yggdrasil::new();
    let contexts = Yggdrasil::contexts(callers);
    let subjects = Yggdrasil::subjects(&contexts);
    visitor.visit("yggdrasil", &subjects, |subject| yggdrasil.is_on(subject));

    let launchdarkly = LaunchDarkly::new();
    let subjects = LaunchDarkly::subjects(callers);
    visitor.visit("launchdarkly", &subjects, |subject| launchdarkly.is_on(subject));
}
