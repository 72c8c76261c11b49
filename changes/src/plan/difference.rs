//! The difference that an applied document makes: parts added, changed and removed, and fields that operators keep.

use serde_json::{Map, Value};

/// The difference that an applied document makes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The parts that are new.
    pub added: Vec<Part>,
    /// The fields that change.
    pub changed: Vec<PartFields>,
    /// The parts that are removed because the document leaves them out.
    pub removed: Vec<Part>,
    /// The fields that differ in the document and are not changed, because operators own them.
    pub kept_by_operators: Vec<PartFields>,
}

/// A part of the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The section.
    pub section: Section,
    /// Its name; empty for the head.
    pub name: String,
}

/// Names of fields of a part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFields {
    /// The section.
    pub section: Section,
    /// The part's name; empty for the head.
    pub name: String,
    /// The names of the fields.
    pub fields: Vec<String>,
}

/// A section of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Tiers, unknown tenants, eligibility policy.
    Head,
    /// Segments.
    Segment,
    /// Flags.
    Flag,
    /// Tenants.
    Tenant,
}

impl Difference {
    pub(super) fn added(&mut self, section: Section, name: &str) {
        self.added.push(Part {
            section,
            name: name.to_owned(),
        });
    }

    pub(super) fn removed(&mut self, section: Section, name: &str) {
        self.removed.push(Part {
            section,
            name: name.to_owned(),
        });
    }

    pub(super) fn changed(&mut self, section: Section, name: &str, fields: Vec<String>) {
        push(&mut self.changed, section, name, fields);
    }

    pub(super) fn kept_by_operators(&mut self, section: Section, name: &str, fields: Vec<String>) {
        push(&mut self.kept_by_operators, section, name, fields);
    }

    /// Returns the number of parts of each list, for the audit log.
    pub(super) fn counts(&self) -> Map<String, Value> {
        let counts = [
            ("added", self.added.len()),
            ("changed", self.changed.len()),
            ("removed", self.removed.len()),
            ("kept_by_operators", self.kept_by_operators.len()),
        ];
        counts
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect()
    }
}

fn push(list: &mut Vec<PartFields>, section: Section, name: &str, fields: Vec<String>) {
    if !fields.is_empty() {
        list.push(PartFields {
            section,
            name: name.to_owned(),
            fields,
        });
    }
}

/// Returns the names of the fields in which two objects differ.
pub(super) fn fields(before: &Value, after: &Value) -> Vec<String> {
    let names = |value: &Value| -> Vec<String> {
        value
            .as_object()
            .map_or_else(Vec::new, |object| object.keys().cloned().collect())
    };
    let mut fields = names(before);
    fields.extend(names(after));
    fields.sort();
    fields.dedup();
    fields.retain(|field| before.get(field) != after.get(field));
    fields
}
