//! Sign-offs are for a flag as it is defined: whatever makes a definition decide otherwise takes them back.

use std::collections::BTreeSet;

use super::super::difference::fields;
use crate::affected::Affected;
use crate::flag::Flag;
use crate::state::{State, StateEdit};

/// What people are told of a flag; no decision reads it.
const INFORMATIVE: [&str; 3] = ["description", "owner", "expires"];

/// Returns true if another definition than the one that was signed for decides.
pub(super) fn decides_otherwise(before: &Flag, after: &Flag) -> bool {
    let fields = fields(&before.definition_record(), &after.definition_record());
    fields.iter().any(|field| !INFORMATIVE.contains(&field.as_str()))
}

/// The flags with sign-offs that these edits reach by segments: named by their conditions, or by other segments.
pub(super) fn affected_by_segments(state: &State, edits: &[StateEdit]) -> BTreeSet<String> {
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
