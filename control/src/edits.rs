//! From records to edits of the document that is compiled: a flag's definition and its state make one flag.

use std::collections::BTreeMap;

use config::JsonEdit;
use serde_json::Value;

use crate::flag_state::FlagState;
use crate::state::State;
use crate::store::{Key, Write};

/// The edits that make the whole document of nothing.
pub(crate) fn all(state: &State) -> Vec<JsonEdit> {
    let mut edits = vec![JsonEdit::Head(state.head.clone())];
    let segments = state.segments.iter();
    edits.extend(segments.map(|(name, value)| JsonEdit::Segment(name.clone(), Some(value.clone()))));
    let flags = state.definitions.keys();
    edits.extend(flags.map(|key| JsonEdit::Flag(key.clone(), state.flag(key))));
    let tenants = state.tenants.iter();
    edits.extend(tenants.map(|(id, value)| JsonEdit::Tenant(id.clone(), Some(value.clone()))));
    edits
}

/// What writes over this state do to the document, one edit for each part.
pub(crate) fn of(state: &State, writes: &[Write]) -> Vec<JsonEdit> {
    let mut edits = Vec::with_capacity(writes.len());
    let mut flags: BTreeMap<&str, Written<'_>> = BTreeMap::new();
    for Write { key, value } in writes {
        match key {
            Key::Head => edits.push(JsonEdit::Head(
                value
                    .clone()
                    .unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            )),
            Key::Segment(name) => edits.push(JsonEdit::Segment(name.clone(), value.clone())),
            Key::Tenant(id) => edits.push(JsonEdit::Tenant(id.clone(), value.clone())),
            Key::Definition(key) => flags.entry(key).or_default().definition = Some(value.as_ref()),
            Key::State(key) => flags.entry(key).or_default().state = Some(value.as_ref()),
        }
    }
    let flags = flags.into_iter();
    edits.extend(flags.map(|(key, written)| JsonEdit::Flag(key.to_owned(), written.flag(state, key))));
    edits
}

/// What is written of a flag: within, none where it is removed.
#[derive(Default)]
struct Written<'w> {
    definition: Option<Option<&'w Value>>,
    state: Option<Option<&'w Value>>,
}

impl Written<'_> {
    /// The flag as it is after the writes.
    fn flag(&self, kept: &State, key: &str) -> Option<Value> {
        let definition = match self.definition {
            Some(written) => written,
            None => kept.definitions.get(key),
        };
        let state = match self.state {
            Some(written) => serde::Deserialize::deserialize(written?).ok(),
            None => kept.states.get(key).cloned(),
        };
        Some(FlagState::over(&state?, definition?))
    }
}
