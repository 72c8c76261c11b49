//! Compiles what a change touches: the flags that are edited and those that require them, and the tenants whose
//! records name what means something else now. Ids stay, so that everything else is shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::part::{Head, Part, Sections, read};
use super::{Catalog, Draft, Edit, Edited, Flag, Ids, Segment, flags, refused, tenants};
use crate::report::Report;

/// How many parts are read at a time, so that their trees do not take much room.
pub(super) const BATCH: usize = 1_000;

/// Edits by part: of several of one part the last.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) head: Option<Value>,
    pub(super) segments: BTreeMap<Arc<str>, Option<Value>>,
    pub(super) flags: BTreeMap<Arc<str>, Option<Value>>,
    pub(super) tenants: BTreeMap<Arc<str>, Option<Value>>,
}

pub(super) fn draft(catalog: &Catalog, edits: Vec<Edit>) -> Result<Draft, Report> {
    let change = Change::of(edits);
    compile(catalog, &change).ok_or_else(|| refused::report(catalog, &change))
}

pub(super) fn takes(catalog: &Catalog, edit: Edit) -> bool {
    compile(catalog, &Change::of(vec![edit])).is_some()
}

impl Change {
    fn of(edits: Vec<Edit>) -> Self {
        let mut change = Self::default();
        for edit in edits {
            match edit {
                Edit::Head(value) => change.head = Some(value),
                Edit::Segment(name, value) => drop(change.segments.insert(name.into(), value)),
                Edit::Flag(key, value) => drop(change.flags.insert(key.into(), value)),
                Edit::Tenant(id, value) => drop(change.tenants.insert(id.into(), value)),
            }
        }
        change
    }
}

/// The change, compiled; none where something is wrong with it.
fn compile(catalog: &Catalog, change: &Change) -> Option<Draft> {
    let head = match &change.head {
        Some(head) => Some(read_head(head)?),
        None => None,
    };
    let segments = read_segments(&change.segments)?;
    let flags = read_flags(&change.flags)?;
    let former = &catalog.compiled;
    let is_of_flags = head.is_none() && segments.is_empty();
    let (mut compiled, moved) = match flags::names_alone(former, &flags).filter(|_| is_of_flags) {
        Some(names) => flags::some(catalog, names, &flags)?,
        None => flags::all(catalog, head.as_ref(), &segments, &flags)?,
    };
    let same_tiers = compiled.names.same_tiers(&former.names);
    compiled.tenants = Arc::new(if same_tiers {
        let read_now = tenants::newly_read(&former.flags, &compiled.flags);
        tenants::some(catalog, &change.tenants, &compiled, (&moved, &read_now))?
    } else {
        tenants::all(catalog, &change.tenants, &compiled)?
    });
    compiled.ids = if !same_tiers || !compiled.flags.same_attributes(&former.flags) {
        Ids::Other
    } else if moved.is_empty() {
        Ids::Kept
    } else {
        Ids::Moved(moved.into())
    };
    let json = |value: &Value| Arc::from(value.to_string());
    Some(Draft {
        head,
        segments,
        flags,
        tenants: change
            .tenants
            .iter()
            .map(|(id, value)| (id.clone(), value.as_ref().map(json)))
            .collect(),
        compiled,
    })
}

fn read_head(head: &Value) -> Option<Head> {
    let fields = head.as_object()?;
    let definition = read(&Sections {
        head: Some(fields),
        ..Sections::default()
    })?;
    Some(Head {
        fields: fields.clone(),
        tiers: definition.tiers,
        unknown_tenant: definition.unknown_tenant,
        policy: definition.policy,
    })
}

fn read_segments(edited: &BTreeMap<Arc<str>, Option<Value>>) -> Option<Edited<Segment>> {
    read_parts(edited, |segments| {
        let definition = read(&Sections {
            segments,
            ..Sections::default()
        })?;
        Some(definition.segments)
    })
}

fn read_flags(edited: &BTreeMap<Arc<str>, Option<Value>>) -> Option<Edited<Flag>> {
    read_parts(edited, |flags| {
        let definition = read(&Sections {
            flags,
            ..Sections::default()
        })?;
        Some(definition.flags)
    })
}

/// The parts that are edited, with what `read` makes of those that are not removed, in their order.
fn read_parts<T>(
    edited: &BTreeMap<Arc<str>, Option<Value>>,
    read: impl Fn(Vec<(&str, &Value)>) -> Option<Vec<T>>,
) -> Option<Edited<T>> {
    let present: Vec<(&str, &Value)> = edited
        .iter()
        .filter_map(|(name, value)| Some((&**name, value.as_ref()?)))
        .collect();
    let mut definitions = Vec::with_capacity(present.len());
    for batch in present.chunks(BATCH) {
        definitions.extend(read(batch.to_vec())?);
    }
    let mut definitions = definitions.into_iter();
    let mut parts = Vec::with_capacity(edited.len());
    for (name, value) in edited {
        let part = match value {
            Some(value) => Some(Part {
                json: value.to_string().into(),
                definition: definitions.next()?,
            }),
            None => None,
        };
        parts.push((name.clone(), part));
    }
    Some(parts)
}
