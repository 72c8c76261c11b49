//! Compiles what a change touches. Flags whose names stay what they were are compiled on their own; where names
//! change, ids do, and everything is compiled again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rules::{FlagDefinition, Flags, FlagsDefinition, Former, Names, SegmentDefinition, Tenants};
use serde_json::Value;

use super::part::{Head, Part, Sections, read};
use super::{Catalog, Compiled, Draft, Edit, Edited, Flag, Segment, refused};
use crate::report::Report;

/// How many parts are read at a time, so that their trees do not take much room.
const BATCH: usize = 1_000;

/// Edits by part: of several of one part the last.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) head: Option<Value>,
    pub(super) segments: BTreeMap<Box<str>, Option<Value>>,
    pub(super) flags: BTreeMap<Box<str>, Option<Value>>,
    pub(super) tenants: BTreeMap<Box<str>, Option<Value>>,
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
    let mut compiled = match flags_alone(former, &flags).filter(|_| head.is_none() && segments.is_empty()) {
        Some(changed) => Compiled {
            flags: changed?,
            ..former.clone()
        },
        None => whole(catalog, head.as_ref(), &segments, &flags)?,
    };
    let same_names = Arc::ptr_eq(&compiled.names, &former.names) || compiled.names.same_ids(&former.names);
    let same_attributes = compiled.flags.same_attributes(&former.flags);
    compiled.same_ids = same_names && same_attributes;
    compiled.tenants = Arc::new(if same_names {
        let read_now = newly_read(&former.flags, &compiled.flags);
        some_tenants(catalog, &change.tenants, &compiled, &read_now)?
    } else {
        all_tenants(catalog, &change.tenants, &compiled)?
    });
    let json = |value: &Value| value.to_string().into_boxed_str();
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

/// The former flags with the edited ones in their places; none where one is new or removed, or stands for
/// something else than it did. Within: none where something is wrong.
fn flags_alone(former: &Compiled, edited: &Edited<Flag>) -> Option<Option<Arc<Flags>>> {
    let definitions: Vec<&FlagDefinition<'static>> = edited
        .iter()
        .map(|(_, part)| Some(&*part.as_ref()?.definition).filter(|flag| former.names.has(flag)))
        .collect::<Option<_>>()?;
    if definitions.is_empty() {
        return Some(Some(Arc::clone(&former.flags)));
    }
    Some(former.flags.with(definitions, &former.names).ok().map(Arc::new))
}

/// All flags, from the definitions that are kept and those that are edited.
fn whole(
    catalog: &Catalog,
    head: Option<&Head>,
    segments: &Edited<Segment>,
    flags: &Edited<Flag>,
) -> Option<Compiled> {
    let edited_keys: HashSet<&str> = flags.iter().map(|(key, _)| &**key).collect();
    let head = head.unwrap_or(&catalog.head);
    let definition = FlagsDefinition {
        tiers: head.tiers.clone(),
        unknown_tenant: head.unknown_tenant.clone(),
        policy: head.policy,
        segments: merged(&catalog.segments, segments),
        flags: merged(&catalog.flags, flags),
        tenants: Vec::new(),
    };
    let names = Names::new(&definition);
    let former = &catalog.compiled;
    let kept = Former {
        flags: &former.flags,
        names: &former.names,
        is_kept: &|key| !edited_keys.contains(key),
    };
    let flags = rules::compile_flags(&definition, &names, catalog.eligibility, kept).ok()?;
    Some(Compiled {
        flags: Arc::new(flags),
        names: Arc::new(names),
        ..former.clone()
    })
}

fn merged<T: Clone>(kept: &BTreeMap<Box<str>, Part<T>>, edited: &Edited<T>) -> Vec<T> {
    let mut all: BTreeMap<&str, &T> = kept
        .iter()
        .map(|(name, part)| (&**name, &part.definition))
        .collect();
    for (name, part) in edited {
        match part {
            Some(part) => all.insert(name, &part.definition),
            None => all.remove(&**name),
        };
    }
    all.into_values().cloned().collect()
}

/// The beginnings of attributes in a record that conditions read now and did not read before.
fn newly_read(former: &Flags, flags: &Flags) -> Vec<String> {
    let known = former.attributes().len();
    let new = flags.attributes().iter().skip(known);
    new.map(|name| format!("{}:", Value::from(&**name))).collect()
}

/// The former tenants, with those compiled anew that are edited or have an attribute that begins to be read.
fn some_tenants(
    catalog: &Catalog,
    edited: &BTreeMap<Box<str>, Option<Value>>,
    compiled: &Compiled,
    read_now: &[String],
) -> Option<Tenants> {
    let mut changed = Vec::new();
    if !read_now.is_empty() {
        let concerned = |(id, json): &(&str, &str)| {
            !edited.contains_key(*id) && read_now.iter().any(|attribute| json.contains(attribute))
        };
        let concerned: Vec<_> = catalog.records().filter(concerned).collect();
        changed = compile_kept(&concerned, compiled)?;
    }
    let present: Vec<(&str, &Value)> = edited
        .iter()
        .filter_map(|(id, value)| Some((&**id, value.as_ref()?)))
        .collect();
    for batch in present.chunks(BATCH) {
        changed.extend(compile_tenants(batch.to_vec(), compiled)?);
    }
    let removed = edited.iter().filter(|(_, value)| value.is_none());
    Some(compiled.tenants.with(changed, removed.map(|(id, _)| &**id)))
}

/// All tenants, anew.
fn all_tenants(
    catalog: &Catalog,
    edited: &BTreeMap<Box<str>, Option<Value>>,
    compiled: &Compiled,
) -> Option<Tenants> {
    let kept: Vec<_> = catalog
        .records()
        .filter(|(id, _)| !edited.contains_key(*id))
        .collect();
    let kept = Compiled {
        tenants: Arc::new(Tenants::new(compile_kept(&kept, compiled)?)),
        ..compiled.clone()
    };
    some_tenants(catalog, edited, &kept, &[])
}

fn compile_kept(kept: &[(&str, &str)], compiled: &Compiled) -> Option<Vec<rules::Tenant>> {
    let mut tenants = Vec::with_capacity(kept.len());
    for batch in kept.chunks(BATCH) {
        let values = batch.iter().map(|(_, json)| serde_json::from_str(json).ok());
        let values: Vec<Value> = values.collect::<Option<_>>()?;
        let batch = batch.iter().map(|(id, _)| *id).zip(&values);
        tenants.extend(compile_tenants(batch.collect(), compiled)?);
    }
    Some(tenants)
}

fn compile_tenants(tenants: Vec<(&str, &Value)>, compiled: &Compiled) -> Option<Vec<rules::Tenant>> {
    let definition = read(&Sections {
        tenants,
        ..Sections::default()
    })?;
    rules::compile_tenants(&definition.tenants, &compiled.names, &compiled.flags).ok()
}

fn read_head(head: &Value) -> Option<Head> {
    let fields = head.as_object()?;
    let definition = read(&Sections {
        head: Some(fields),
        ..Sections::default()
    })?;
    Some(Head {
        fields: fields.clone(),
        tiers: definition
            .tiers
            .into_iter()
            .map(rules::Name::into_owned)
            .collect(),
        unknown_tenant: definition
            .unknown_tenant
            .map(rules::UnknownTenantDefinition::into_owned),
        policy: definition.policy,
    })
}

fn read_segments(edited: &BTreeMap<Box<str>, Option<Value>>) -> Option<Edited<Segment>> {
    read_parts(edited, |segments| {
        let definition = read(&Sections {
            segments,
            ..Sections::default()
        })?;
        Some(
            definition
                .segments
                .into_iter()
                .map(SegmentDefinition::into_owned)
                .collect(),
        )
    })
}

fn read_flags(edited: &BTreeMap<Box<str>, Option<Value>>) -> Option<Edited<Flag>> {
    read_parts(edited, |flags| {
        let definition = read(&Sections {
            flags,
            ..Sections::default()
        })?;
        let owned = |flag: Arc<FlagDefinition<'_>>| Arc::new(Arc::unwrap_or_clone(flag).into_owned());
        Some(definition.flags.into_iter().map(owned).collect())
    })
}

/// The parts that are edited, with what `read` makes of those that are not removed, in their order.
fn read_parts<T>(
    edited: &BTreeMap<Box<str>, Option<Value>>,
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
