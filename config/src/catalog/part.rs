//! Parts of a flags document: from JSON values to definitions, by the same validator and the same lowering as
//! files. A value is a tree already; what differs is that its nodes have no place.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use rules::{FlagsDefinition, Name, Policy, UnknownTenantDefinition};
use serde_json::{Map, Value};

use crate::lower;
use crate::node::{Entry, Node, NodeKind, Span};
use crate::parse::MAX_DOCUMENT_DEPTH;
use crate::shape::flags::FlagsDocument;
use crate::source::Source;
use crate::validate::{VERSION, read_document};

/// The fields that no head has: they are parts of their own.
const NOT_IN_HEAD: [&str; 4] = ["version", "segments", "flags", "tenants"];
/// How deep the value of a flag, segment or tenant is in its document.
const PART_DEPTH: usize = 3;

/// Where values are from that are in no file: its sites have no place.
static NOWHERE: LazyLock<Source> = LazyLock::new(Source::nowhere);

/// A part as it was given, and what it defines.
#[derive(Debug, Clone)]
pub(super) struct Part<T> {
    pub(super) json: Arc<str>,
    pub(super) definition: T,
}

/// What stands at the top of a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) fields: Map<String, Value>,
    pub(super) tiers: Vec<Name<'static>>,
    pub(super) unknown_tenant: Option<UnknownTenantDefinition>,
    pub(super) policy: Policy,
}

/// Parts of one document by section.
#[derive(Debug, Default)]
pub(super) struct Sections<'v> {
    pub(super) head: Option<&'v Map<String, Value>>,
    pub(super) segments: Vec<(&'v str, &'v Value)>,
    pub(super) flags: Vec<(&'v str, &'v Value)>,
    pub(super) tenants: Vec<(&'v str, &'v Value)>,
}

/// What the parts define; none where one is not of the right shape.
pub(super) fn read<'v>(sections: &Sections<'v>) -> Option<FlagsDefinition<'v>> {
    let mut entries = vec![entry("version", plain(VERSION.to_string()))];
    for (key, value) in sections.head.into_iter().flatten() {
        if NOT_IN_HEAD.contains(&key.as_str()) {
            return None;
        }
        entries.push(entry(key, node(value, PART_DEPTH - 1)?));
    }
    let parts = [
        ("segments", &sections.segments),
        ("flags", &sections.flags),
        ("tenants", &sections.tenants),
    ];
    for (section, parts) in parts {
        let parts = parts
            .iter()
            .map(|(name, value)| Some(entry(name, node(value, PART_DEPTH)?)));
        let kind = NodeKind::Mapping(parts.collect::<Option<_>>()?);
        entries.push(entry(section, placeless(kind)));
    }
    let root = placeless(NodeKind::Mapping(entries));
    let mut problems = Vec::new();
    let fields = read_document::<FlagsDocument>(&NOWHERE, &root, &mut problems)?;
    let definition = lower::flags::merge(vec![(&NOWHERE, fields)], &mut problems);
    problems.is_empty().then_some(definition)
}

/// The values of parts that were good.
pub(super) fn values<'p>(parts: impl Iterator<Item = (&'p str, &'p str)>) -> Map<String, Value> {
    let value = |json: &str| serde_json::from_str(json).unwrap_or_default();
    parts.map(|(name, json)| (name.to_owned(), value(json))).collect()
}

fn node(value: &Value, depth: usize) -> Option<Node<'_>> {
    let kind = match value {
        Value::Null => return Some(plain("null")),
        Value::Bool(true) => return Some(plain("true")),
        Value::Bool(false) => return Some(plain("false")),
        Value::Number(number) => return Some(plain(number.to_string())),
        Value::String(text) => NodeKind::Quoted(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) if depth > MAX_DOCUMENT_DEPTH => return None,
        Value::Array(items) => {
            let items = items.iter().map(|item| node(item, depth + 1));
            NodeKind::List(items.collect::<Option<_>>()?)
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| Some(entry(key, node(value, depth + 1)?)));
            NodeKind::Mapping(fields.collect::<Option<_>>()?)
        }
    };
    Some(placeless(kind))
}

fn entry<'v>(key: &'v str, value: Node<'v>) -> Entry<'v> {
    Entry {
        key: Cow::Borrowed(key),
        key_span: Span::default(),
        value,
    }
}

fn plain<'v>(text: impl Into<Cow<'v, str>>) -> Node<'v> {
    placeless(NodeKind::Plain(text.into()))
}

fn placeless(kind: NodeKind<'_>) -> Node<'_> {
    Node {
        span: Span::default(),
        kind,
    }
}
