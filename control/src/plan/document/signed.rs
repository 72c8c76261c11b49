//! Sign-offs are for a flag as it is defined: whatever makes a definition decide otherwise takes them back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::difference::fields;
use crate::flag_state::FlagState;
use crate::state::State;
use crate::store::{Key, Write};
use crate::touched::Touched;

/// What people are told of a flag; no decision reads it.
const TOLD: [&str; 3] = ["description", "owner", "expires"];

/// Whether another definition than the one that was signed for decides.
pub(super) fn is_other(before: &Value, after: &Value) -> bool {
    let fields = fields(before, after);
    fields.iter().any(|field| !TOLD.contains(&field.as_str()))
}

/// The flags with sign-offs that these writes reach by segments: named by their conditions, or by other segments.
pub(super) fn reached(state: &State, writes: &[Write]) -> BTreeSet<String> {
    let is_signed = |state: &FlagState| !state.sign_offs.is_empty();
    let changed =
        |write: &&Write| matches!(write.key, Key::Segment(_)) && state.record(&write.key) != write.value;
    if !state.states.values().any(is_signed) {
        return BTreeSet::new();
    }
    let changed: Vec<Write> = writes.iter().filter(changed).cloned().collect();
    let mut flags = Touched::of(state, &changed).flags;
    flags.retain(|flag| state.states.get(flag).is_some_and(is_signed));
    flags
}
