//! Whose decisions a change can alter, read off what it writes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::flag_state::FlagState;
use crate::state::State;
use crate::store::{Key, Write};

/// Whose decisions a change can alter. Flags that require one of these are not among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// Flags that can be decided otherwise for anybody.
    pub flags: BTreeSet<String>,
    /// Tenants for whom any flag can be decided otherwise.
    pub tenants: BTreeSet<String>,
    /// What becomes of tenants without a record.
    pub unknown_tenant: UnknownTouched,
}

/// Whether tenants without a record are judged by another tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTouched {
    /// No.
    #[default]
    Same,
    /// They are.
    Changed,
}

impl Touched {
    /// What these writes touch of the state as it was before them.
    #[must_use]
    pub fn of(state: &State, writes: &[Write]) -> Self {
        let mut touched = Self::default();
        let mut segments = BTreeSet::new();
        for Write { key, value } in writes {
            match key {
                Key::Definition(flag) | Key::State(flag) => drop(touched.flags.insert(flag.clone())),
                Key::Tenant(id) => drop(touched.tenants.insert(id.clone())),
                Key::Segment(name) => drop(segments.insert(name.as_str())),
                Key::Head => touched.head(state, value.as_ref()),
            }
        }
        touched.segments(state, segments);
        touched
    }

    /// Tiers have no meaning of their own: a new one is nobody's, one that is somebody's can't be removed.
    fn head(&mut self, state: &State, after: Option<&Value>) {
        let differs = |field| state.head.get(field) != after.and_then(|after| after.get(field));
        if differs("unknown_tenant") {
            self.unknown_tenant = UnknownTouched::Changed;
        }
        if differs("policy") {
            let open = |state: &FlagState| matches!(state.lifecycle.as_deref(), Some("alpha" | "beta"));
            let flags = state.states.iter().filter(|(_, state)| open(state));
            self.flags.extend(flags.map(|(key, _)| key.clone()));
        }
    }

    /// The flags whose conditions name one of the segments, or one that is made of them.
    fn segments<'s>(&mut self, state: &'s State, mut segments: BTreeSet<&'s str>) {
        if segments.is_empty() {
            return;
        }
        loop {
            let known = segments.len();
            let more = state
                .segments
                .iter()
                .filter(|(_, condition)| names_one(condition, &segments));
            let more: Vec<&str> = more.map(|(name, _)| name.as_str()).collect();
            segments.extend(more);
            if segments.len() == known {
                break;
            }
        }
        for (key, definition) in &state.definitions {
            let rollout = state.states.get(key).and_then(|state| state.rollout.as_ref());
            let conditions = definition.get("rules").into_iter().chain(rollout);
            if conditions
                .into_iter()
                .any(|condition| names_one(condition, &segments))
            {
                self.flags.insert(key.clone());
            }
        }
    }
}

/// Whether a condition within the value refers to one of the segments.
fn names_one(value: &Value, segments: &BTreeSet<&str>) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(field, value)| match value {
            Value::String(name) => field == "segment" && segments.contains(name.as_str()),
            value => names_one(value, segments),
        }),
        Value::Array(items) => items.iter().any(|item| names_one(item, segments)),
        _ => false,
    }
}
