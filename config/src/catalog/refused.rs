//! Why a change is refused: the document as it would be is written out and read like a file, so that every
//! problem has its words, its place and its cure. What the change does not touch is written out in outline first:
//! reading all of it may take seconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::draft::Change;
use super::{Catalog, jsons, part};
use crate::files::Files;
use crate::inputs::Inputs;
use crate::load::load_flags_from;
use crate::problem::{At, Problem};
use crate::report::Report;
use crate::source::Sources;
use crate::validate::VERSION;

/// The name under which problems are shown.
const NAME: &str = "document";

/// What is wrong with the document that `change` would make of `catalog`.
pub(super) fn report(catalog: &Catalog, change: &Change) -> Report {
    // What is not edited is written out only as far as it may matter, and in full where nothing is found so.
    let edited = merged(Map::new(), &change.tenants);
    let kept = || merged(part::values(catalog.records()), &change.tenants);
    let full = || part::values(jsons(&catalog.flags));
    // The head and segments may be named anywhere in a flag.
    let can_outline = change.head.is_none() && change.segments.is_empty();
    let outlined = || {
        let flags: Map<_, _> = full().into_iter().map(outline).collect();
        let report = load(catalog, change, flags.clone(), edited.clone());
        report.or_else(|| load(catalog, change, flags, kept()))
    };
    can_outline
        .then(outlined)
        .flatten()
        .or_else(|| load(catalog, change, full(), edited.clone()))
        .or_else(|| load(catalog, change, full(), kept()))
        .unwrap_or_else(unexplained)
}

/// A flag with all that others may name of it, and the flags that it names.
fn outline((key, flag): (String, Value)) -> (String, Value) {
    let mut outline = Map::new();
    for field in ["kind", "variants", "off", "opt_in_serves", "requires"] {
        outline.extend(flag.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    (key, outline.into())
}

fn load(
    catalog: &Catalog,
    change: &Change,
    flags: Map<String, Value>,
    tenants: Map<String, Value>,
) -> Option<Report> {
    let sections = [
        (
            "segments",
            merged(part::values(jsons(&catalog.segments)), &change.segments),
        ),
        ("flags", merged(flags, &change.flags)),
        ("tenants", tenants),
    ];
    let mut text = format!("{{\n  \"version\": {VERSION}");
    match &change.head {
        Some(Value::Object(head)) => head
            .iter()
            .for_each(|(name, value)| field(&mut text, name, value)),
        Some(other) => field(&mut text, "head", other),
        None => catalog
            .head
            .fields
            .iter()
            .for_each(|(name, value)| field(&mut text, name, value)),
    }
    for (name, entries) in sections {
        if !entries.is_empty() {
            field(&mut text, name, &entries.into());
        }
    }
    text.push_str("\n}\n");
    let files = Files::Memory(BTreeMap::from([(NAME.into(), text.into_bytes())]));
    load_flags_from(files, Path::new(NAME), catalog.eligibility).err()
}

fn field(text: &mut String, name: &str, value: &Value) {
    let value = format!("{value:#}").replace('\n', "\n  ");
    // Writing to a text can't fail.
    let _ = write!(text, ",\n  {}: {value}", Value::from(name));
}

fn merged(mut kept: Map<String, Value>, edited: &BTreeMap<Arc<str>, Option<Value>>) -> Map<String, Value> {
    for (name, value) in edited {
        match value {
            Some(value) => drop(kept.insert(name.to_string(), value.clone())),
            None => drop(kept.shift_remove(&**name)),
        }
    }
    kept
}

/// What is said where the parts are refused and their text is not: a defect of this program.
fn unexplained() -> Report {
    let title = "the document can't be read as it would be".to_owned();
    let problem = Problem::at("yaml-syntax", title, At::File(NAME.into()));
    Report::new(vec![problem], 0, Sources::default(), Inputs::default())
}
