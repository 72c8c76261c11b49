//! Converts between the state in memory and the records of a store. A flag is two records: the fields that documents
//! own and the fields that operators own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use config::{Edit, FlagsDocument, JsonEdit, ToJson};
use imbl::OrdMap;
use serde_json::{Map, Value};

use crate::flag::{FlagState, ManagedFlag, StateRecord};
use crate::record::{Json, Key, Revision};
use crate::state::{State, StateEdit};

/// Number of records read at a time, which bounds the memory of their JSON trees.
const BATCH: usize = 1_000;

/// A record before and after a change, as JSON values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordChange {
    pub(crate) key: Key,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// The reason why records cannot be read.
#[derive(Debug, PartialEq)]
pub enum UnreadableRecords {
    /// A record is damaged, explained in a sentence.
    Damaged(String),
    /// A record does not have the form of its part of the document. [`json_edits`] returns the edits that
    /// [`config::Catalog::explain`] explains.
    Form,
}

/// Reads the records that a store holds at a revision.
///
/// # Errors
/// A record is damaged, or does not have the form of its part.
pub fn read_records(
    revision: Revision,
    records: impl IntoIterator<Item = (Key, Json)>,
) -> Result<State, UnreadableRecords> {
    let mut state = State {
        revision,
        ..State::default()
    };
    let mut edits = Vec::with_capacity(BATCH);
    let mut flags = FlagRecords::default();
    for (key, json) in records {
        let value = json.to_value();
        if !value.is_object() {
            let damage = format!("{} is not an object", name(&key));
            return Err(UnreadableRecords::Damaged(damage));
        }
        match key {
            Key::Head => edits.push(JsonEdit::Head(value)),
            Key::Segment(name) => edits.push(JsonEdit::Segment(name, Some(value))),
            // Records come in the order of their kinds, so all definitions are read before the first state.
            Key::Definition(flag) => drop(flags.definitions.insert(flag, value)),
            Key::State(flag) => flags.state(flag, value)?,
            Key::Tenant(id) => edits.push(JsonEdit::Tenant(id, Some(value))),
        }
        if edits.len() >= BATCH {
            put(&mut state.document, &mut edits)?;
        }
    }
    put(&mut state.document, &mut edits)?;
    flags.put(&mut state)?;
    Ok(state)
}

/// Reads edits and applies them to the document.
fn put(document: &mut FlagsDocument, edits: &mut Vec<JsonEdit>) -> Result<(), UnreadableRecords> {
    for edit in JsonEdit::read(edits).ok_or(UnreadableRecords::Form)? {
        document.edit(edit);
    }
    edits.clear();
    Ok(())
}

/// The two records of each flag, until both are read.
#[derive(Default)]
struct FlagRecords {
    definitions: BTreeMap<String, Value>,
    states: BTreeMap<String, StateRecord>,
}

impl FlagRecords {
    fn state(&mut self, flag: String, value: Value) -> Result<(), UnreadableRecords> {
        match serde_json::from_value(value) {
            Ok(state) => {
                self.states.insert(flag, state);
                Ok(())
            }
            Err(error) => {
                let damage = format!("the state of {flag} is malformed: {error}");
                Err(UnreadableRecords::Damaged(damage))
            }
        }
    }

    fn put(mut self, state: &mut State) -> Result<(), UnreadableRecords> {
        let mut states: OrdMap<Arc<str>, Arc<FlagState>> = OrdMap::new();
        let damage = |damage: String| UnreadableRecords::Damaged(damage);
        let mut definitions = self.definitions.into_iter().peekable();
        // In batches: the JSON trees of a batch are dropped before the next one is built.
        while definitions.peek().is_some() {
            let (mut whole, mut kept) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
            let mut promoted = Vec::new();
            for (key, definition) in definitions.by_ref().take(BATCH) {
                let record = self.states.remove(&key);
                let record = record.ok_or_else(|| damage(format!("flag {key} has no state")))?;
                // The default of a promotion replaces the document's in the whole flag. The document's is read from the
                // definition alone, and stored beside it.
                if record.default.is_some() {
                    promoted.push(JsonEdit::Flag(key.clone(), Some(definition.clone())));
                }
                whole.push(JsonEdit::Flag(key.clone(), Some(record.whole_flag(definition))));
                kept.push((key, record));
            }
            let mut written = BTreeMap::new();
            for edit in JsonEdit::read(&promoted).ok_or(UnreadableRecords::Form)? {
                if let Edit::Flag(key, Some(definition)) = edit {
                    written.insert(key, definition.default.clone());
                }
            }
            put(&mut state.document, &mut whole)?;
            for (key, record) in kept {
                let written = written.remove(key.as_str()).flatten();
                states.insert(key.into(), Arc::new(record.into_state(written)));
            }
        }
        if let Some((flag, _)) = self.states.pop_first() {
            return Err(damage(format!("flag {flag} has no definition")));
        }
        state.states = states;
        Ok(())
    }
}

/// Reads the records that changed in a store since the revision of this state, as edits of the state. A value of none is a
/// removed record.
///
/// # Errors
/// A record is damaged, or does not have the form of its part.
pub fn read_changes(
    state: &State,
    changed: impl IntoIterator<Item = (Key, Option<Json>)>,
) -> Result<Vec<StateEdit>, UnreadableRecords> {
    let changed: BTreeMap<Key, Option<Json>> = changed.into_iter().collect();
    // A flag is two records: the one that did not change is in the state.
    let mut whole = changed.clone();
    for key in changed.keys() {
        let (Key::Definition(flag) | Key::State(flag)) = key else {
            continue;
        };
        let Some(before) = state.flag(flag) else { continue };
        let other = match key {
            Key::State(_) => (Key::Definition(flag.clone()), before.definition_record()),
            _ => (Key::State(flag.clone()), before.state_record()),
        };
        whole.entry(other.0).or_insert_with(|| Some(Json::from(&other.1)));
    }
    let present = whole.into_iter().filter_map(|(key, json)| Some((key, json?)));
    let parts = read_records(state.revision, present)?;
    let mut flags = BTreeSet::new();
    let edits = changed.into_keys().filter_map(|key| match key {
        Key::Head => Some(StateEdit::Head(Arc::clone(&parts.document.head))),
        Key::Segment(name) => {
            let segment = parts.document.segments.get(name.as_str()).cloned();
            Some(StateEdit::Segment(name.into(), segment))
        }
        Key::Definition(key) | Key::State(key) => {
            let is_new = flags.insert(key.clone());
            is_new.then(|| StateEdit::Flag(key.as_str().into(), parts.flag(&key)))
        }
        Key::Tenant(id) => {
            let record = parts.document.tenants.get(id.as_str()).cloned();
            Some(StateEdit::Tenant(id.into(), record))
        }
    });
    Ok(edits.collect())
}

/// Returns the edits that build the document of a store's records from nothing. Flags with an unreadable record are
/// left out.
pub fn json_edits(records: impl IntoIterator<Item = (Key, Json)>) -> Vec<JsonEdit> {
    let mut edits = Vec::new();
    let mut flags = FlagRecords::default();
    for (key, json) in records {
        let value = json.to_value();
        match key {
            Key::Head => edits.push(JsonEdit::Head(value)),
            Key::Segment(name) => edits.push(JsonEdit::Segment(name, Some(value))),
            Key::Definition(flag) => drop(flags.definitions.insert(flag, value)),
            Key::State(flag) => drop(flags.state(flag, value)),
            Key::Tenant(id) => edits.push(JsonEdit::Tenant(id, Some(value))),
        }
    }
    for (key, definition) in flags.definitions {
        if let Some(record) = flags.states.get(&key) {
            edits.push(JsonEdit::Flag(key, Some(record.whole_flag(definition))));
        }
    }
    edits
}

/// Returns the records that an edit of this state changes.
pub(crate) fn changed(state: &State, edit: &StateEdit) -> Vec<RecordChange> {
    let document = &state.document;
    let changes = match edit {
        StateEdit::Head(head) => vec![RecordChange {
            key: Key::Head,
            before: Some(document.head.fields().clone().into()),
            after: Some(head.fields().clone().into()),
        }],
        StateEdit::Segment(name, segment) => vec![RecordChange {
            key: Key::Segment(name.to_string()),
            before: document.segments.get(name).map(|segment| segment.to_json()),
            after: segment.as_ref().map(|segment| segment.to_json()),
        }],
        StateEdit::Flag(key, flag) => {
            let before = state.flag(key);
            let change = |key: Key, record: fn(&ManagedFlag) -> Value| RecordChange {
                key,
                before: before.as_ref().map(record),
                after: flag.as_ref().map(record),
            };
            vec![
                change(Key::Definition(key.to_string()), ManagedFlag::definition_record),
                change(Key::State(key.to_string()), ManagedFlag::state_record),
            ]
        }
        StateEdit::Tenant(id, record) => vec![RecordChange {
            key: Key::Tenant(id.to_string()),
            before: document.tenants.get(id).map(|record| record.to_json()),
            after: record.as_ref().map(|record| record.to_json()),
        }],
    };
    let is_changed = |change: &RecordChange| change.before != change.after;
    changes.into_iter().filter(is_changed).collect()
}

/// Returns the stored form of a record.
#[cfg(test)]
pub(crate) fn record(state: &State, key: &Key) -> Option<Value> {
    let document = &state.document;
    match key {
        Key::Head => Some(document.head.fields().clone().into()),
        Key::Segment(name) => document
            .segments
            .get(name.as_str())
            .map(|segment| segment.to_json()),
        Key::Definition(flag) => state.flag(flag).map(|flag| flag.definition_record()),
        Key::State(flag) => state.flag(flag).map(|flag| flag.state_record()),
        Key::Tenant(id) => state.tenant(id).map(|record| record.to_json()),
    }
}

/// Returns the section of a record in the JSON value of the whole state, and its name there; the head has no name.
pub(crate) fn section(key: &Key) -> (&'static str, Option<&str>) {
    match key {
        Key::Head => ("head", None),
        Key::Segment(name) => ("segments", Some(name)),
        Key::Definition(flag) => ("definitions", Some(flag)),
        Key::State(flag) => ("states", Some(flag)),
        Key::Tenant(id) => ("tenants", Some(id)),
    }
}

/// Builds the JSON value of the state with the records in `parts`. Patches of audit entries refer to it.
pub(crate) fn sections<'r>(parts: impl IntoIterator<Item = (&'r Key, Value)>) -> Value {
    let names = ["head", "segments", "definitions", "states", "tenants"];
    let empty = names.map(|name| (name.to_owned(), Value::Object(Map::new())));
    let mut sections = Map::from_iter(empty);
    for (key, value) in parts {
        match section(key) {
            (name, None) => drop(sections.insert(name.to_owned(), value)),
            (name, Some(part)) => {
                if let Some(section) = sections.get_mut(name).and_then(Value::as_object_mut) {
                    section.insert(part.to_owned(), value);
                }
            }
        }
    }
    sections.into()
}

fn name(key: &Key) -> String {
    match key {
        Key::Head => "the head".to_owned(),
        Key::Segment(name) => format!("segment {name}"),
        Key::Definition(flag) => format!("the definition of {flag}"),
        Key::State(flag) => format!("the state of {flag}"),
        Key::Tenant(id) => format!("tenant {id}"),
    }
}
