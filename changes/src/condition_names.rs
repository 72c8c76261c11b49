//! The conditions of a flag, and the names of segments and attributes in a condition.

use std::collections::BTreeSet;

use rules::{ConditionDefinition, FlagDefinition, Sited};

/// Returns the conditions of the flag's rules, of its percentage rollout and of the stages in force.
pub(crate) fn conditions_of(flag: &FlagDefinition) -> impl Iterator<Item = &Sited<ConditionDefinition>> {
    let rules = flag.rules.iter().map(|rule| &rule.when);
    let audience = flag
        .rollout
        .iter()
        .filter_map(|rollout| rollout.audience.as_ref());
    let stages = flag.exposure.iter().flat_map(|exposure| &exposure.stages.value);
    let stages = stages.filter_map(|stage| stage.audience.as_ref());
    rules.chain(audience).chain(stages)
}

/// Returns the names of the segments that the condition refers to.
pub(crate) fn segments_of(condition: &ConditionDefinition) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    each_leaf(condition, &mut |leaf| {
        if let ConditionDefinition::Segment(name) = leaf {
            found.insert(&*name.value);
        }
    });
    found
}

/// Returns the attributes that the clauses of the condition read; those of its segments are not among them.
pub(crate) fn attributes_of(condition: &ConditionDefinition) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    each_leaf(condition, &mut |leaf| {
        if let ConditionDefinition::Clause { attribute, .. } = leaf {
            found.insert(&*attribute.value);
        }
    });
    found
}

/// Visits the clauses and segments of a condition. Bounded by the nesting of a document, which its reader limits.
fn each_leaf<'c>(condition: &'c ConditionDefinition, visit: &mut impl FnMut(&'c ConditionDefinition)) {
    match condition {
        ConditionDefinition::All(parts) | ConditionDefinition::Any(parts) => {
            parts.iter().for_each(|part| each_leaf(&part.value, visit));
        }
        ConditionDefinition::Not(part) => each_leaf(&part.value, visit),
        ConditionDefinition::Segment(_) | ConditionDefinition::Clause { .. } => visit(condition),
    }
}
