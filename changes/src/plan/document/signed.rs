//! Sign-offs apply to one definition of a flag: a change of the definition that can alter decisions removes them.

use std::collections::BTreeSet;

use super::super::difference::fields;
use crate::affected::Affected;
use crate::flag::ManagedFlag;
use crate::state::{State, StateEdit};

/// Fields that no decision reads.
const INFORMATIVE: [&str; 4] = ["description", "owner", "revert", "expires"];

/// Returns true if the definition differs in a field that decisions read.
pub(super) fn changes_decisions(before: &ManagedFlag, after: &ManagedFlag) -> bool {
    let fields = fields(&before.definition_record(), &after.definition_record());
    fields.iter().any(|field| !INFORMATIVE.contains(&field.as_str()))
}

/// Returns the flags with sign-offs whose conditions refer to a changed segment, directly or through other segments.
pub(super) fn signed_flags_of_changed_segments(state: &State, edits: &[StateEdit]) -> BTreeSet<String> {
    let is_signed = |key: &str| {
        state
            .states
            .get(key)
            .is_some_and(|state| !state.sign_offs.is_empty())
    };
    if !state.states.keys().any(|key| is_signed(key)) {
        return BTreeSet::new();
    }
    let is_changed = |edit: &&StateEdit| match edit {
        StateEdit::Segment(name, segment) => state.document.segments.get(name) != segment.as_ref(),
        StateEdit::Head(_) | StateEdit::Flag(..) | StateEdit::Tenant(..) => false,
    };
    let changed: Vec<StateEdit> = edits.iter().filter(is_changed).cloned().collect();
    let mut flags = Affected::of(state, &changed).flags;
    flags.retain(|flag| is_signed(flag));
    flags
}
