//! Conversion of parts of a flags document from JSON values to definitions, by the same validator and lowering as for
//! files. The only difference is that the nodes of the tree have numbers instead of places.

use std::borrow::Cow;

use rules::FlagsDefinition;
use serde_json::{Map, Value};

use crate::flags_document::NOT_IN_HEAD;
use crate::form::{Form, Of, read_stored};
use crate::lower;
use crate::node::{MappingEntry, Node, NodeKind, Span};
use crate::parse::MAX_DOCUMENT_DEPTH;
use crate::shape::flags::FlagsDocument;
use crate::source::NOWHERE;
use crate::validate::VERSION;

/// The nesting depth of the value of a flag, segment or tenant in a document.
const PART_DEPTH: usize = 3;
/// The nesting depth of the value of a field of one.
const FIELD_DEPTH: usize = PART_DEPTH + 1;

/// The parts of one document, by section.
#[derive(Debug, Default)]
pub(super) struct Sections<'v> {
    pub(super) head: Option<&'v Map<String, Value>>,
    pub(super) segments: Vec<(&'v str, &'v Value)>,
    pub(super) flags: Vec<(&'v str, &'v Value)>,
    pub(super) tenants: Vec<(&'v str, &'v Value)>,
}

/// The tree of a document with some parts.
pub(super) struct Tree<'v> {
    pub(super) root: Node<'v>,
    /// The number of nodes, keys included.
    pub(super) nodes: u32,
    /// The spans of values that are nested too deep, which were omitted.
    pub(super) too_deep: Vec<Span>,
    /// The fields of the head that are sections with parts of their own, which were omitted.
    pub(super) misplaced: Vec<&'v str>,
}

/// Returns the definitions of the parts; none if one does not have the right form.
pub(super) fn read<'v>(sections: &Sections<'v>) -> Option<FlagsDefinition<'v>> {
    let tree = Tree::of(sections);
    if !tree.too_deep.is_empty() || !tree.misplaced.is_empty() {
        return None;
    }
    let mut problems = Vec::new();
    let fields = read_stored::<FlagsDocument>(&NOWHERE, &tree.root, &mut problems)?;
    let definition = lower::flags::merge(vec![(&NOWHERE, fields)], &mut problems);
    problems.is_empty().then_some(definition)
}

/// Returns the value of a field of a part; none if it does not have its form.
pub(crate) fn read_field<'v, F: Form>(written: &'v Value) -> Option<Of<'v, F>> {
    let mut numbers = Numbers::default();
    let root = numbers.node(written, FIELD_DEPTH);
    if !numbers.too_deep.is_empty() {
        return None;
    }
    let mut problems = Vec::new();
    let field = read_stored::<F>(&NOWHERE, &root, &mut problems)?;
    problems.is_empty().then_some(field)
}

impl<'v> Tree<'v> {
    /// Returns the tree of a document with only these parts. Its nodes are numbered in the order in which they would be
    /// written; the start of a span is the number of its node.
    pub(super) fn of(sections: &Sections<'v>) -> Self {
        let mut numbers = Numbers::default();
        let root = numbers.next();
        let mut entries = vec![numbers.entry("version", |numbers| {
            let span = numbers.next();
            plain(VERSION.to_string(), span)
        })];
        let mut misplaced = Vec::new();
        for (key, value) in sections.head.into_iter().flatten() {
            if NOT_IN_HEAD.contains(&key.as_str()) {
                misplaced.push(key.as_str());
                continue;
            }
            entries.push(numbers.entry(key, |numbers| numbers.node(value, PART_DEPTH - 1)));
        }
        let parts = [
            (FlagsDocument::SEGMENTS, &sections.segments),
            (FlagsDocument::FLAGS, &sections.flags),
            (FlagsDocument::TENANTS, &sections.tenants),
        ];
        for (section, parts) in parts {
            entries.push(numbers.entry(section, |numbers| {
                let span = numbers.next();
                let parts = parts.iter();
                let parts =
                    parts.map(|(name, value)| numbers.entry(name, |numbers| numbers.node(value, PART_DEPTH)));
                let kind = NodeKind::Mapping(parts.collect());
                Node { span, kind }
            }));
        }
        Self {
            root: Node {
                span: root,
                kind: NodeKind::Mapping(entries),
            },
            nodes: numbers.next_number,
            too_deep: numbers.too_deep,
            misplaced,
        }
    }
}

/// Assigns numbers to nodes in the order in which they are made.
#[derive(Default)]
struct Numbers {
    next_number: u32,
    too_deep: Vec<Span>,
}

impl Numbers {
    fn next(&mut self) -> Span {
        let span = Span {
            start: self.next_number,
            len: 1,
        };
        self.next_number = self.next_number.saturating_add(1);
        span
    }

    fn entry<'v>(&mut self, key: &'v str, value: impl FnOnce(&mut Self) -> Node<'v>) -> MappingEntry<'v> {
        MappingEntry {
            key: Cow::Borrowed(key),
            key_span: self.next(),
            value: value(self),
        }
    }

    fn node<'v>(&mut self, value: &'v Value, depth: usize) -> Node<'v> {
        let span = self.next();
        let kind = match value {
            Value::Null => return plain("null", span),
            Value::Bool(true) => return plain("true", span),
            Value::Bool(false) => return plain("false", span),
            Value::Number(number) => return plain(number.to_string(), span),
            Value::String(text) => NodeKind::Quoted(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) if depth > MAX_DOCUMENT_DEPTH => {
                self.too_deep.push(span);
                NodeKind::Refused
            }
            Value::Array(items) => {
                let items = items.iter().map(|item| self.node(item, depth + 1));
                NodeKind::List(items.collect())
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(key, value)| self.entry(key, |numbers| numbers.node(value, depth + 1)));
                NodeKind::Mapping(fields.collect())
            }
        };
        Node { span, kind }
    }
}

fn plain<'v>(text: impl Into<Cow<'v, str>>, span: Span) -> Node<'v> {
    Node {
        span,
        kind: NodeKind::Plain(text.into()),
    }
}
