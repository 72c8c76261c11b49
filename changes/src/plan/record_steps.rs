//! Splits the change of a tenant's record into the steps that changes of one flag make. So the audit log has the events
//! of a flag, however its entry in the record was changed: by a call for one flag, a patch, an import or a document.

use std::collections::{HashMap, HashSet};

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use crate::audit::Patch;
use crate::event::Event;

/// The fields of a record that name flags.
const OVERRIDES: &str = "overrides";
const BETA: &str = "beta";
const OPT_IN: &str = "opt_in";
const OPT_OUT: &str = "opt_out";
const FLAG_FIELDS: [&str; 4] = [OVERRIDES, BETA, OPT_IN, OPT_OUT];

/// One step of the change of a record, with its patch of the whole state.
#[derive(Debug)]
pub(super) struct RecordStep {
    pub(super) event: Event,
    /// The flag; none for the other fields of the record.
    pub(super) flag: Option<String>,
    pub(super) patch: Patch,
    pub(super) inverse: Patch,
}

/// The choice of a tenant for one flag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Choice {
    opted_in: bool,
    opted_out: bool,
}

/// An operation of a patch, and the operation that undoes it.
struct Operation {
    forth: PatchOperation,
    back: PatchOperation,
}

/// Splits the change of the record of `org` into steps; none if the records are equal. `is_off` returns true if the
/// variant of an override takes the flag from the tenant.
pub(super) fn steps(
    org: &str,
    before: Option<Value>,
    after: Option<Value>,
    is_off: impl Fn(&str, &str) -> bool,
) -> Vec<RecordStep> {
    if before == after {
        return Vec::new();
    }
    let fields = |record: Option<Value>| match record {
        Some(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    let (before, after) = (fields(before), fields(after));
    let mut steps = Vec::new();
    let record = match (before, &after) {
        (Some(before), _) => before,
        // A new record is created without flags, so that each flag has its own step.
        (None, Some(after)) => {
            let mut created = after.clone();
            created.retain(|field, value| !FLAG_FIELDS.contains(&&**field) || is_empty(value));
            let operation = add(path(&[org]), Value::Object(created.clone()));
            steps.push(step(Event::TenantChanged, None, vec![operation]));
            created
        }
        (None, None) => Map::new(),
    };
    let none = Map::new();
    let mut split = SplitRecord { org, record, steps };
    split.overrides(after.as_ref().unwrap_or(&none), is_off);
    split.allowlist(after.as_ref().unwrap_or(&none));
    split.opt_choices(after.as_ref().unwrap_or(&none));
    split.rest(after);
    split.steps
}

/// Returns the event of an override.
fn override_event(is_off: bool) -> Event {
    match is_off {
        true => Event::FlagDisabled,
        false => Event::FlagEnabled,
    }
}

/// A record that is changed step by step.
struct SplitRecord<'r> {
    org: &'r str,
    /// The record after the steps so far.
    record: Map<String, Value>,
    steps: Vec<RecordStep>,
}

impl SplitRecord<'_> {
    fn overrides(&mut self, after: &Map<String, Value>, is_off: impl Fn(&str, &str) -> bool) {
        let none = Map::new();
        let wanted = after.get(OVERRIDES).and_then(Value::as_object).unwrap_or(&none);
        let current = self.record.get(OVERRIDES).and_then(Value::as_object);
        let removed: Vec<String> = current
            .into_iter()
            .flat_map(Map::keys)
            .filter(|flag| !wanted.contains_key(*flag))
            .cloned()
            .collect();
        for (flag, variant) in wanted {
            let event = match variant {
                Value::Bool(true) => override_event(is_off(flag, "true")),
                Value::Bool(false) => override_event(is_off(flag, "false")),
                Value::String(variant) => override_event(is_off(flag, variant)),
                _ => Event::FlagEnabled,
            };
            let operation = self.set_override(flag, variant);
            self.push(event, flag, operation.into_iter().collect());
        }
        for flag in removed {
            let operation = self.remove_override(&flag);
            self.push(Event::OverrideRemoved, &flag, operation.into_iter().collect());
        }
    }

    fn set_override(&mut self, flag: &str, variant: &Value) -> Option<Operation> {
        let Some(Value::Object(overrides)) = self.record.get_mut(OVERRIDES) else {
            let first = Value::Object(Map::from_iter([(flag.to_owned(), variant.clone())]));
            self.record.insert(OVERRIDES.to_owned(), first.clone());
            return Some(add(path(&[self.org, OVERRIDES]), first));
        };
        let at = path(&[self.org, OVERRIDES, flag]);
        match overrides.insert(flag.to_owned(), variant.clone()) {
            None => Some(add(at, variant.clone())),
            Some(former) if former == *variant => None,
            Some(former) => Some(replace(at, former, variant.clone())),
        }
    }

    fn remove_override(&mut self, flag: &str) -> Option<Operation> {
        let Some(Value::Object(overrides)) = self.record.get_mut(OVERRIDES) else {
            return None;
        };
        let former = overrides.shift_remove(flag)?;
        if !overrides.is_empty() {
            return Some(remove(path(&[self.org, OVERRIDES, flag]), former));
        }
        self.record.shift_remove(OVERRIDES);
        let last = Value::Object(Map::from_iter([(flag.to_owned(), former)]));
        Some(remove(path(&[self.org, OVERRIDES]), last))
    }

    fn allowlist(&mut self, after: &Map<String, Value>) {
        let (current, wanted) = (names(&self.record, BETA), names(after, BETA));
        for flag in missing_in(&wanted, &current) {
            let operations = self.append(BETA, &flag);
            self.push(Event::BetaAllowed, &flag, operations);
        }
        for flag in missing_in(&current, &wanted) {
            let operations = self.remove(BETA, &flag);
            self.push(Event::BetaDisallowed, &flag, operations);
        }
    }

    /// Adds a step for each flag whose opt-in or opt-out changes. One call changes both lists, and so does one step.
    fn opt_choices(&mut self, after: &Map<String, Value>) {
        let (mut current, wanted) = (choices(&self.record), choices(after));
        // In the order of the lists, so that appending to them leads to the same order.
        let lists = [after, &self.record].into_iter();
        let flags: Vec<String> = lists
            .flat_map(|record| [OPT_IN, OPT_OUT].map(|list| names(record, list)))
            .flatten()
            .collect();
        for flag in flags {
            let will = wanted.get(&flag).copied().unwrap_or_default();
            let was = current.insert(flag.clone(), will).unwrap_or_default();
            let lists = [
                (OPT_IN, was.opted_in, will.opted_in),
                (OPT_OUT, was.opted_out, will.opted_out),
            ];
            let mut operations = Vec::new();
            for (list, ..) in lists.into_iter().filter(|(_, was, will)| *was && !will) {
                operations.extend(self.remove(list, &flag));
            }
            for (list, ..) in lists.into_iter().filter(|(_, was, will)| !was && *will) {
                operations.extend(self.append(list, &flag));
            }
            let event = match will {
                Choice { opted_out: true, .. } => Event::OptedOut,
                Choice { opted_in: true, .. } => Event::OptedIn,
                // No call withdraws a choice: only a change of the record does.
                Choice { .. } => Event::TenantChanged,
            };
            self.push(event, &flag, operations);
        }
    }

    /// Adds the step for everything but the flags: other fields, the order of lists, and the end of the record.
    fn rest(&mut self, after: Option<Map<String, Value>>) {
        let before = std::mem::take(&mut self.record);
        let Some(after) = after else {
            let operation = remove(path(&[self.org]), Value::Object(before));
            self.steps.push(step(Event::TenantRemoved, None, vec![operation]));
            return;
        };
        let (before, after) = (Value::Object(before), Value::Object(after));
        if before == after {
            return;
        }
        let place = path(&[self.org]);
        let diff = |from: &Value, to: &Value| {
            let mut diff = json_patch::diff(from, to);
            for operation in &mut diff.0 {
                set_place(operation, &place);
            }
            patch(&diff.0)
        };
        self.steps.push(RecordStep {
            event: Event::TenantChanged,
            flag: None,
            patch: diff(&before, &after),
            inverse: diff(&after, &before),
        });
    }

    /// Appends the flag to the list, and creates the list if it is absent.
    fn append(&mut self, list: &str, flag: &str) -> Vec<Operation> {
        let flag = Value::from(flag);
        let Some(Value::Array(flags)) = self.record.get_mut(list) else {
            let first = Value::Array(vec![flag]);
            self.record.insert(list.to_owned(), first.clone());
            return vec![add(path(&[self.org, list]), first)];
        };
        let at = path(&[self.org, list, &flags.len().to_string()]);
        flags.push(flag.clone());
        vec![add(at, flag)]
    }

    /// Removes the flag from the list, and the list if it is then empty.
    fn remove(&mut self, list: &str, flag: &str) -> Vec<Operation> {
        let mut operations = Vec::new();
        while let Some(Value::Array(flags)) = self.record.get_mut(list)
            && let Some(index) = flags.iter().position(|named| named == flag)
        {
            let former = flags.remove(index);
            if flags.is_empty() {
                self.record.shift_remove(list);
                operations.push(remove(path(&[self.org, list]), Value::Array(vec![former])));
            } else {
                operations.push(remove(path(&[self.org, list, &index.to_string()]), former));
            }
        }
        operations
    }

    fn push(&mut self, event: Event, flag: &str, operations: Vec<Operation>) {
        if !operations.is_empty() {
            self.steps.push(step(event, Some(flag.to_owned()), operations));
        }
    }
}

fn step(event: Event, flag: Option<String>, operations: Vec<Operation>) -> RecordStep {
    let (forth, mut back): (Vec<_>, Vec<_>) = operations
        .into_iter()
        .map(|operation| (operation.forth, operation.back))
        .unzip();
    back.reverse();
    RecordStep {
        event,
        flag,
        patch: patch(&forth),
        inverse: patch(&back),
    }
}

/// Returns the names in a list of a record; none if the list is absent.
fn names(record: &Map<String, Value>, list: &str) -> Vec<String> {
    let names = record.get(list).and_then(Value::as_array);
    let names = names.into_iter().flatten();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// Returns the choices of a record by flag.
fn choices(record: &Map<String, Value>) -> HashMap<String, Choice> {
    let mut choices: HashMap<String, Choice> = HashMap::new();
    for flag in names(record, OPT_IN) {
        choices.entry(flag).or_default().opted_in = true;
    }
    for flag in names(record, OPT_OUT) {
        choices.entry(flag).or_default().opted_out = true;
    }
    choices
}

/// Returns the names of one list that the other does not have, in their order and each once.
fn missing_in(names: &[String], other: &[String]) -> Vec<String> {
    let mut known: HashSet<&str> = other.iter().map(String::as_str).collect();
    let missing = names.iter().filter(|name| known.insert(name.as_str()));
    missing.cloned().collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Returns the place of a part of a tenant's record in the whole state.
fn path(parts: &[&str]) -> PointerBuf {
    PointerBuf::from_tokens(std::iter::once("tenants").chain(parts.iter().copied()))
}

/// Moves an operation on a record to the place of the record in the whole state.
fn set_place(operation: &mut PatchOperation, place: &PointerBuf) {
    let path = match operation {
        PatchOperation::Add(add) => &mut add.path,
        PatchOperation::Remove(remove) => &mut remove.path,
        PatchOperation::Replace(replace) => &mut replace.path,
        // A difference has no other operations.
        PatchOperation::Move(_) | PatchOperation::Copy(_) | PatchOperation::Test(_) => return,
    };
    let mut moved = place.clone();
    moved.append(&*path);
    *path = moved;
}

fn add(path: PointerBuf, value: Value) -> Operation {
    Operation {
        forth: PatchOperation::Add(AddOperation {
            path: path.clone(),
            value,
        }),
        back: PatchOperation::Remove(RemoveOperation { path }),
    }
}

fn remove(path: PointerBuf, former: Value) -> Operation {
    let Operation { forth, back } = add(path, former);
    Operation {
        forth: back,
        back: forth,
    }
}

fn replace(path: PointerBuf, former: Value, value: Value) -> Operation {
    let to = |path: PointerBuf, value| PatchOperation::Replace(ReplaceOperation { path, value });
    Operation {
        forth: to(path.clone(), value),
        back: to(path, former),
    }
}

/// Returns the operations as a patch. Each is an object of texts and values, which always has a JSON form.
pub(super) fn patch(operations: &[PatchOperation]) -> Patch {
    let operations = operations.iter();
    operations
        .filter_map(|operation| to_raw_value(operation).ok())
        .collect()
}
