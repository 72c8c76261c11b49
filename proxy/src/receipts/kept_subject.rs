//! The part of a subject that a decision reads beside its tenant and user: groups and attributes, with the names of
//! the attributes, because another snapshot has other ids.

use std::mem::size_of;

use rules::{AttributeId, AttributeValue, Flags, Subject, Value};

use super::needs::SubjectNeeds;

/// The most memory of a kept subject, in bytes.
pub(super) const MAX_SUBJECT_BYTES: usize = 768;

/// Groups and attributes of a subject.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct KeptSubject {
    pub(crate) groups: Vec<Box<str>>,
    pub(crate) attributes: Vec<(Box<str>, AttributeValue)>,
    /// True if some are left out.
    pub(crate) is_shortened: bool,
    bytes: usize,
}

impl KeptSubject {
    /// Keeps what the flags of a gate read of the subject, beside its tenant's record; none if that is nothing.
    pub(crate) fn of(needs: &SubjectNeeds, flags: &Flags, subject: &Subject<'_>) -> Option<Self> {
        let mut kept = Self {
            bytes: size_of::<Self>(),
            ..Self::default()
        };
        let groups = subject.groups.iter().filter(|_| needs.person);
        for group in groups {
            let bytes = size_of::<Box<str>>().saturating_add(group.len());
            if kept.has_room(bytes) {
                kept.groups.reserve_exact(1);
                kept.groups.push(group.clone());
            }
        }
        for id in &*needs.attributes {
            let found = subject.attributes.iter().find(|(known, _)| known == id);
            let name = flags.attributes().get(id.index());
            let (Some((_, value)), Some(name)) = (found, name) else {
                continue;
            };
            let of_pair = size_of::<(Box<str>, AttributeValue)>();
            let bytes = of_pair
                .saturating_add(name.len())
                .saturating_add(value_bytes(value));
            if kept.has_room(bytes) {
                kept.attributes.reserve_exact(1);
                kept.attributes.push((name.clone(), owned(value)));
            }
        }
        let is_empty = kept.groups.is_empty() && kept.attributes.is_empty() && !kept.is_shortened;
        (!is_empty).then_some(kept)
    }

    /// Returns the attributes that another snapshot knows, by its ids.
    pub(crate) fn attributes_in<'a>(&'a self, flags: &Flags) -> Vec<(AttributeId, Value<'a>)> {
        let attributes = self.attributes.iter();
        attributes
            .filter_map(|(name, value)| Some((flags.attribute_id(name)?, value.as_value())))
            .collect()
    }

    /// Returns its memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the bytes if there is room for them.
    fn has_room(&mut self, bytes: usize) -> bool {
        let taken = self.bytes.saturating_add(bytes);
        let has_room = taken <= MAX_SUBJECT_BYTES;
        if has_room {
            self.bytes = taken;
        }
        self.is_shortened |= !has_room;
        has_room
    }
}

fn value_bytes(value: &Value<'_>) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Number(_) | Value::Boolean(_) => 0,
        Value::List(items) => {
            let of_items = items
                .iter()
                .map(|item| item.len().saturating_add(size_of::<Box<str>>()));
            of_items.sum()
        }
    }
}

fn owned(value: &Value<'_>) -> AttributeValue {
    match *value {
        Value::String(text) => AttributeValue::String(text.into()),
        Value::Number(number) => AttributeValue::Number(number),
        Value::Boolean(boolean) => AttributeValue::Boolean(boolean),
        Value::List(items) => AttributeValue::List(items.into()),
    }
}
