//! The flags and tenants that a change can affect, derived from the edits that it makes.

use std::collections::BTreeSet;

use config::Head;
use rules::{ConditionDefinition, FlagDefinition, Lifecycle};

use crate::condition_names::conditions_of;
use crate::state::{State, StateEdit};

/// The flags and tenants that a change can affect. Flags that require one of these are not included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Affected {
    /// The flags whose decision can change for any tenant.
    pub flags: BTreeSet<String>,
    /// The tenants for which the decision of any flag can change.
    pub tenants: BTreeSet<String>,
    /// The effect on tenants without a record.
    pub unknown_tenant: UnknownTenantEffect,
}

/// The effect of a change on tenants without a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTenantEffect {
    /// They are decided by the same tier as before.
    #[default]
    Same,
    /// They are decided by another tier, or are rejected.
    Changed,
}

impl Affected {
    /// Returns the flags and tenants that these edits of the state can affect.
    #[must_use]
    pub fn of(state: &State, edits: &[StateEdit]) -> Self {
        let mut affected = Self::default();
        let mut segments = BTreeSet::new();
        for edit in edits {
            match edit {
                StateEdit::Flag(key, _) => drop(affected.flags.insert(key.to_string())),
                StateEdit::Tenant(id, _) => drop(affected.tenants.insert(id.to_string())),
                StateEdit::Segment(name, _) => drop(segments.insert(&**name)),
                StateEdit::Head(after) => affected.head(state, after),
            }
        }
        affected.segments(state, segments);
        affected
    }

    /// Adds the effects of another head. The list of tiers has none: a new tier has no tenants, and a tier with
    /// tenants cannot be removed.
    fn head(&mut self, state: &State, after: &Head) {
        let before = state.document.head.fields();
        let differs = |field| before.get(field) != after.fields().get(field);
        if differs("unknown_tenant") {
            self.unknown_tenant = UnknownTenantEffect::Changed;
        }
        // The policy decides about eligibility, which only alpha and beta flags depend on.
        if differs("policy") {
            let is_open = |flag: &FlagDefinition| {
                let lifecycle = flag.lifecycle.map(|lifecycle| lifecycle.value);
                matches!(lifecycle, Some(Lifecycle::Alpha | Lifecycle::Beta))
            };
            let flags = state.document.flags.iter().filter(|(_, flag)| is_open(flag));
            self.flags.extend(flags.map(|(key, _)| key.to_string()));
        }
    }

    /// Adds the flags whose conditions refer to one of the segments, directly or through other segments.
    fn segments<'s>(&mut self, state: &'s State, mut segments: BTreeSet<&'s str>) {
        if segments.is_empty() {
            return;
        }
        // Segments may refer to segments in any order: repeat until a pass finds no further one.
        loop {
            let known = segments.len();
            let all = state.document.segments.iter();
            let more = all.filter(|(_, segment)| names_one(&segment.condition.value, &segments));
            let more: Vec<&str> = more.map(|(name, _)| &**name).collect();
            segments.extend(more);
            if segments.len() == known {
                break;
            }
        }
        for (key, flag) in &state.document.flags {
            let mut conditions = conditions_of(flag);
            if conditions.any(|condition| names_one(&condition.value, &segments)) {
                self.flags.insert(key.to_string());
            }
        }
    }
}

/// Returns true if the condition refers to one of the segments.
fn names_one(condition: &ConditionDefinition, segments: &BTreeSet<&str>) -> bool {
    match condition {
        ConditionDefinition::All(parts) | ConditionDefinition::Any(parts) => {
            parts.iter().any(|part| names_one(&part.value, segments))
        }
        ConditionDefinition::Not(part) => names_one(&part.value, segments),
        ConditionDefinition::Segment(name) => segments.contains(&*name.value),
        ConditionDefinition::Clause { .. } => false,
    }
}
