//! Everything that is kept, in memory, at one revision. Each part is a JSON value as documents have it, so that it
//! can be written out, compared and compiled as it is.

use config::JsonEdit;
use imbl::OrdMap;
use serde_json::{Map, Value};

use crate::edits;
use crate::flag_state::FlagState;
use crate::store::{Key, Loaded, Record, Revision, StoreError, Write};

/// The version of the document's format.
pub(crate) const VERSION: u64 = 1;

/// Everything that is kept, at one revision. A clone shares its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Which.
    pub revision: Revision,
    /// Tiers, unknown tenants, eligibility policy: an object.
    pub head: Value,
    /// Conditions by the names of segments.
    pub segments: OrdMap<String, Value>,
    /// What documents own of each flag; never holds [`FlagState::OWNED`].
    pub definitions: OrdMap<String, Value>,
    /// What operators own of each flag; the same keys.
    pub states: OrdMap<String, FlagState>,
    /// Tenants' records.
    pub tenants: OrdMap<String, Value>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            revision: Revision::default(),
            head: Value::Object(Map::new()),
            segments: OrdMap::new(),
            definitions: OrdMap::new(),
            states: OrdMap::new(),
            tenants: OrdMap::new(),
        }
    }
}

impl State {
    /// What a store has.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a record is not of its kind, or half a flag is missing.
    pub fn from(loaded: &Loaded) -> Result<Self, StoreError> {
        let mut state = Self {
            revision: loaded.revision,
            ..Self::default()
        };
        for Record { key, value, .. } in &loaded.records {
            let Some(value) = value else { continue };
            if !value.is_object() {
                return Err(StoreError::Corrupt(format!("{} is no object", name(key))));
            }
            state.keep(key, value).map_err(|error| {
                StoreError::Corrupt(format!("{} is not what it should be: {error}", name(key)))
            })?;
        }
        let stateless = state
            .definitions
            .keys()
            .find(|key| !state.states.contains_key(*key));
        let undefined = state
            .states
            .keys()
            .find(|key| !state.definitions.contains_key(*key));
        match (stateless, undefined) {
            (None, None) => Ok(state),
            (Some(flag), _) => Err(StoreError::Corrupt(format!("flag {flag} has no state"))),
            (_, Some(flag)) => Err(StoreError::Corrupt(format!("flag {flag} has no definition"))),
        }
    }

    /// The edits that make the whole document of nothing.
    #[must_use]
    pub fn edits(&self) -> Vec<JsonEdit> {
        edits::all(self)
    }

    /// Takes over what was committed. A state that is none stays out: what `plan` wrote is one.
    pub fn absorb(&mut self, writes: &[Write], revision: Revision) {
        for Write { key, value } in writes {
            match value {
                Some(value) => drop(self.keep(key, value)),
                None => self.remove(key),
            }
        }
        self.revision = revision;
    }

    /// A record as it is kept.
    #[must_use]
    pub fn record(&self, key: &Key) -> Option<Value> {
        match key {
            Key::Head => Some(self.head.clone()),
            Key::Segment(name) => self.segments.get(name).cloned(),
            Key::Definition(flag) => self.definitions.get(flag).cloned(),
            Key::State(flag) => self.states.get(flag).map(record_of),
            Key::Tenant(id) => self.tenants.get(id).cloned(),
        }
    }

    /// The whole flag as a document has it.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<Value> {
        Some(self.states.get(key)?.over(self.definitions.get(key)?))
    }

    /// The whole document, with what operators own. Applied to this state it changes nothing.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("version".into(), VERSION.into());
        if let Some(head) = self.head.as_object() {
            document.extend(head.clone());
        }
        let flags = self.definitions.keys();
        let flags = flags.filter_map(|key| Some((key.clone(), self.flag(key)?)));
        for (section, entries) in [
            ("segments", entries(&self.segments)),
            ("flags", flags.collect()),
            ("tenants", entries(&self.tenants)),
        ] {
            if !entries.is_empty() {
                document.insert(section.into(), Value::Object(entries));
            }
        }
        Value::Object(document)
    }

    fn keep(&mut self, key: &Key, value: &Value) -> Result<(), serde_json::Error> {
        match key {
            Key::Head => self.head = value.clone(),
            Key::Segment(name) => drop(self.segments.insert(name.clone(), value.clone())),
            Key::Definition(flag) => drop(self.definitions.insert(flag.clone(), value.clone())),
            Key::State(flag) => {
                let state = serde::Deserialize::deserialize(value)?;
                self.states.insert(flag.clone(), state);
            }
            Key::Tenant(id) => drop(self.tenants.insert(id.clone(), value.clone())),
        }
        Ok(())
    }

    fn remove(&mut self, key: &Key) {
        match key {
            Key::Head => self.head = Value::Object(Map::new()),
            Key::Segment(name) => drop(self.segments.remove(name)),
            Key::Definition(flag) => drop(self.definitions.remove(flag)),
            Key::State(flag) => drop(self.states.remove(flag)),
            Key::Tenant(id) => drop(self.tenants.remove(id)),
        }
    }
}

/// A flag's state as it is kept. It has no key that is no text, so that it always is a JSON value.
pub(crate) fn record_of(state: &FlagState) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}

fn entries(parts: &OrdMap<String, Value>) -> Map<String, Value> {
    let parts = parts.iter();
    parts.map(|(name, value)| (name.clone(), value.clone())).collect()
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

#[cfg(test)]
mod tests;
