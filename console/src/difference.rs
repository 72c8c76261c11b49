//! The difference that a change makes, for people: each field with its value before and after, from the JSON patch of
//! an audit entry and its inverse (RFC 6902).

use std::collections::HashMap;

use serde_json::Value;

use crate::filters::shown_bytes;
use crate::texts::{text, text_named};

/// The longest value that is shown unfolded, in characters.
const MAX_UNFOLDED: usize = 80;
/// The longest value that is shown at all, in characters.
const MAX_SHOWN: usize = 2_000;
/// The fields of a record that have a text of their own.
const FIELDS_WITH_TEXT: &[&str] = &[
    "beta",
    "channel",
    "default",
    "enabled",
    "incidents",
    "lifecycle",
    "opt_in",
    "opt_out",
    "overrides",
    "plan",
    "reports",
    "rollout",
    "sign_offs",
    "tier",
    "tiers",
    "watch",
];
/// The fields of a flag that repeat the time, the actor and the reason of the entry.
const REPEATED_FIELDS: &[&str] = &["changed", "changed_by", "since", "unsettled"];

/// A field that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The record that has the field.
    pub(crate) record: Record,
    /// The field, in words.
    pub(crate) field: String,
    /// The value before, or the items that are no longer in the list.
    pub(crate) before: Vec<ShownValue>,
    /// The value after, or the new items of the list.
    pub(crate) after: Vec<ShownValue>,
    /// True if the field is a list, of which only the difference is shown.
    pub(crate) is_list: bool,
    /// Its importance.
    pub(crate) rank: Rank,
}

/// The importance of a field for people, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The state of a rollout plan.
    PlanState,
    /// The percentage of a stage.
    Percentage,
    Other,
    /// A field by which the controller keeps the course of a rollout plan.
    Internal,
}

/// A record of the stored data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Head,
    Segment(String),
    Flag(String),
    Tenant(String),
}

/// A value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownValue {
    /// The value, or its begin.
    pub(crate) text: String,
    /// The whole value, if it is too long to be shown at once.
    pub(crate) folded: Option<String>,
}

/// A field while patch and inverse are read.
struct Field {
    path: Vec<String>,
    before: Option<Value>,
    after: Option<Value>,
    /// The items of a list, one operation each: those before, and those after.
    items: Option<(Vec<Value>, Vec<Value>)>,
}

/// The patch that an operation is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The inverse has the values before.
    Before,
    /// The patch has the values after.
    After,
}

/// The fields that were read, in the order of the patch.
#[derive(Default)]
struct Fields {
    all: Vec<Field>,
    places: HashMap<Vec<String>, usize>,
}

/// Returns the fields that a patch changes, in its order within each rank. An operation that can't be read is left out.
pub(crate) fn differences(patch: &[Value], inverse: &[Value]) -> Vec<Difference> {
    let mut fields = Fields::default();
    for (side, operations) in [(Side::After, patch), (Side::Before, inverse)] {
        for operation in operations {
            fields.read(side, operation);
        }
    }
    let mut differences: Vec<Difference> = fields.all.into_iter().filter_map(Field::difference).collect();
    differences.sort_by_key(|difference| difference.rank);
    differences
}

impl Rank {
    /// Returns the rank of a field.
    fn of(names: &[String]) -> Self {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        match &*names {
            ["plan", "run", "state"] => Self::PlanState,
            ["plan", "run", ..] => Self::Internal,
            ["exposure", "stages", _, "percentage"] => Self::Percentage,
            _ => Self::Other,
        }
    }
}

impl Fields {
    /// Adds the values of an operation. A removal has none: the other side has what was removed.
    fn read(&mut self, side: Side, operation: &Value) {
        let path = operation.get("path").and_then(Value::as_str);
        let Some(path) = path.map(tokens) else { return };
        match operation.get("value") {
            Some(value) => self.set(side, path, value),
            // Keeps the place of the field in the order of the patch.
            None if side == Side::After && item_of_list(&path).is_none() => {
                self.field(path);
            }
            None => {}
        }
    }

    /// Sets the value at a path. The fields of an object are fields of their own.
    fn set(&mut self, side: Side, path: Vec<String>, value: &Value) {
        if let Some(list) = item_of_list(&path) {
            let Some(field) = self.field(list.to_vec()) else {
                return;
            };
            let (before, after) = field.items.get_or_insert_default();
            match side {
                Side::Before => before.push(value.clone()),
                Side::After => after.push(value.clone()),
            }
            return;
        }
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    let mut path = path.clone();
                    path.push(name.clone());
                    self.set(side, path, value);
                }
            }
            _ => {
                let Some(field) = self.field(path) else { return };
                match side {
                    Side::Before => field.before = Some(value.clone()),
                    Side::After => field.after = Some(value.clone()),
                }
            }
        }
    }

    /// Returns the field at a path, which is added if it is new.
    fn field(&mut self, path: Vec<String>) -> Option<&mut Field> {
        let next = self.all.len();
        let place = *self.places.entry(path.clone()).or_insert(next);
        if place == next {
            self.all.push(Field {
                path,
                before: None,
                after: None,
                items: None,
            });
        }
        self.all.get_mut(place)
    }
}

/// Returns the tokens of a JSON pointer (RFC 6901).
fn tokens(pointer: &str) -> Vec<String> {
    let tokens = pointer.split('/').skip(1);
    tokens
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// Returns the path of the list whose item is at a path; none if it is no item. The first two tokens are the section and
/// the name of the record, which may be a number.
fn item_of_list(path: &[String]) -> Option<&[String]> {
    let (last, list) = path.split_last()?;
    (list.len() >= 2 && is_index(last)).then_some(list)
}

fn is_index(token: &str) -> bool {
    token == "-" || (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Field {
    /// Returns the difference; none if there is none to show.
    fn difference(self) -> Option<Difference> {
        let (record, names) = Record::of(&self.path)?;
        if let ([name, ..], Record::Flag(_)) = (names, &record)
            && REPEATED_FIELDS.contains(&&**name)
        {
            return None;
        }
        let (field, rank) = (label(names), Rank::of(names));
        let (items, is_list): ((Vec<Value>, Vec<Value>), bool) = match (self.items, self.before, self.after) {
            (Some(items), ..) => (items, true),
            (None, None, None) => return None,
            (None, before, after) if is_list(before.as_ref(), after.as_ref()) => {
                ((items_of(before), items_of(after)), true)
            }
            (None, before, after) if before == after => return None,
            (None, before, after) => ((before.into_iter().collect(), after.into_iter().collect()), false),
        };
        let (before, after) = match is_list {
            true => without_common(items),
            false => items,
        };
        Some(Difference {
            record,
            field,
            before: before.iter().map(|value| ShownValue::of(value, rank)).collect(),
            after: after.iter().map(|value| ShownValue::of(value, rank)).collect(),
            is_list,
            rank,
        })
    }
}

/// Returns true if one of the values is a list, and the other one is a list or absent.
fn is_list(before: Option<&Value>, after: Option<&Value>) -> bool {
    let values = [before, after];
    let mut present = values.iter().flatten().peekable();
    present.peek().is_some() && present.all(|value| value.is_array())
}

fn items_of(list: Option<Value>) -> Vec<Value> {
    match list {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Removes the items that both lists have, each as often as in both.
fn without_common((before, mut after): (Vec<Value>, Vec<Value>)) -> (Vec<Value>, Vec<Value>) {
    let removed = before.into_iter().filter(|item| {
        let same = after.iter().position(|other| other == item);
        same.map(|index| after.remove(index)).is_none()
    });
    let removed = removed.collect();
    (removed, after)
}

impl Record {
    /// Returns the record at a path, and the names of the field in it.
    fn of(path: &[String]) -> Option<(Self, &[String])> {
        let (section, rest) = path.split_first()?;
        if section == "head" {
            return Some((Self::Head, rest));
        }
        let (name, rest) = rest.split_first()?;
        let record = match &**section {
            "segments" => Self::Segment(name.clone()),
            "definitions" | "states" => Self::Flag(name.clone()),
            "tenants" => Self::Tenant(name.clone()),
            _ => return None,
        };
        Some((record, rest))
    }

    /// Returns the record in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Head => text("record-head").into_owned(),
            Self::Segment(name) => text_named("record-segment", name).into_owned(),
            Self::Flag(key) => text_named("record-flag", key).into_owned(),
            Self::Tenant(id) => text_named("record-tenant", id).into_owned(),
        }
    }
}

impl Difference {
    /// Returns true if the record is the one that an entry is about, so that it needs no name.
    pub(crate) fn is_of(&self, flag: Option<&str>, org: Option<&str>) -> bool {
        match &self.record {
            Record::Flag(key) => flag == Some(key),
            Record::Tenant(id) => org == Some(id),
            Record::Head | Record::Segment(_) => false,
        }
    }
}

/// Returns the field in words: `Default of tier tier1`, `rules › 2 › then`.
fn label(names: &[String]) -> String {
    match names {
        [] => text("difference-record").into_owned(),
        [field, tier] if field == "tiers" => text_named("difference-tier-of", tier).into_owned(),
        [field, flag] if field == "overrides" => text_named("difference-override-of", flag).into_owned(),
        [first, run, field] if [first, run, field] == ["plan", "run", "state"] => {
            text("difference-plan-state").into_owned()
        }
        [first, stages, index, field] if [first, stages, field] == ["exposure", "stages", "percentage"] => {
            text_named("difference-percentage-of", &place(index)).into_owned()
        }
        [first, rest @ ..] => {
            let mut label = match FIELDS_WITH_TEXT.contains(&&**first) {
                true => text(&format!("difference-{}", first.replace('_', "-"))).into_owned(),
                false => first.clone(),
            };
            for name in rest {
                label.push_str(" › ");
                label.push_str(&place(name));
            }
            label
        }
    }
}

/// Returns a name in words. Lists count from 0 in pointers, and from 1 for people.
fn place(name: &str) -> String {
    match name.parse::<u32>() {
        Ok(index) => index.saturating_add(1).to_string(),
        Err(_) => name.to_owned(),
    }
}

impl ShownValue {
    /// Returns a value of a field with this rank.
    fn of(value: &Value, rank: Rank) -> Self {
        let whole = match value {
            Value::String(state) if rank == Rank::PlanState => text(&format!("plan-{state}")).into_owned(),
            Value::String(text) => text.clone(),
            Value::Bool(true) => text("value-on").into_owned(),
            Value::Bool(false) => text("value-off").into_owned(),
            Value::Null => text("no-variant").into_owned(),
            other => other.to_string(),
        };
        match cut(&whole, MAX_UNFOLDED) {
            None => Self {
                text: whole,
                folded: None,
            },
            Some(begin) => Self {
                folded: Some(cut(&whole, MAX_SHOWN).unwrap_or(whole)),
                text: begin,
            },
        }
    }

    /// Returns the number of bytes of the value on a page.
    pub(crate) fn shown_bytes(&self) -> usize {
        let folded = self.folded.as_deref().map_or(0, shown_bytes);
        shown_bytes(&self.text).saturating_add(folded)
    }
}

/// Returns the begin of a text with an ellipsis; none if it has at most `limit` characters.
fn cut(text: &str, limit: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(limit)?;
    let begin = text.get(..end)?;
    Some(format!("{begin}…"))
}

#[cfg(test)]
mod tests;
