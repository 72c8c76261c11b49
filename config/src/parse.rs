//! Parses a text (YAML 1.2, which includes JSON) into a tree, from the events of saphyr. Reports, each with its
//! place: syntax errors, anchors, aliases, merge keys and tags, several documents in one file, keys that are repeated
//! or no texts, and values that are nested too deep.

mod bounded_input;
mod cursor;
mod json;
mod mistake;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as ParserSpan};

use crate::node::{MappingEntry, Node, NodeKind, Span};
use crate::problem::{Label, MAX_PROBLEMS, Problem};
use crate::source::Source;

use self::bounded_input::{BoundedInput, MAX_INDICATORS};
pub(crate) use self::json::json;
pub(crate) use self::mistake::joined_key;
use cursor::Cursor;
use mistake::likely_mistake;

/// The maximum nesting of a document.
pub const MAX_DOCUMENT_DEPTH: usize = 64;
/// The maximum number of keys and values of a document.
pub const MAX_DOCUMENT_NODES: usize = 32_000_000;

/// The number of keys from which on repetitions are searched with a hash table.
const FEW_KEYS: usize = 16;

/// Returns the tree of `source`, or reports why there is none.
pub(crate) fn parse<'s>(source: &'s Source, problems: &mut Vec<Problem>) -> Option<Node<'s>> {
    parse_at_most(MAX_DOCUMENT_NODES, source, problems)
}

fn parse_at_most<'s>(limit: usize, source: &'s Source, problems: &mut Vec<Problem>) -> Option<Node<'s>> {
    let mut builder = Builder::new(limit, source, problems);
    match json::placed(&mut builder) {
        Some(proceed) => builder.root.filter(|_| proceed),
        None => yaml(builder),
    }
}

fn yaml<'s>(mut builder: Builder<'s, '_>) -> Option<Node<'s>> {
    let source = builder.source;
    let left = Cell::new(MAX_INDICATORS);
    let mut parser = Parser::new(BoundedInput::new(&source.text, &left));
    while let Some(event) = parser.next_event() {
        let proceed = match event {
            Err(_) | Ok(_) if left.get() == 0 => {
                builder.too_long();
                return None;
            }
            Ok((event, span)) => {
                left.set(MAX_INDICATORS);
                builder.event(event, span)
            }
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        };
        if !proceed {
            return None;
        }
    }
    if builder.root.is_none() {
        let at = Label::new(source, Span::default(), "nothing but comments here");
        let problem = Problem::error("empty-document", "the document is empty", at);
        builder.problems.push(problem.help("begin with `version: 1`"));
    }
    builder.root
}

struct Builder<'s, 'p> {
    source: &'s Source,
    problems: &'p mut Vec<Problem>,
    cursor: Cursor<'s>,
    open: Vec<Open<'s>>,
    root: Option<Node<'s>>,
    nodes: usize,
    /// The maximum number of nodes.
    limit: usize,
    /// The place of the last event.
    last: Span,
    /// The number of problems other than repeated keys.
    reported: usize,
}

/// A list or mapping whose end was not read yet.
enum Open<'s> {
    List(Span, Vec<Node<'s>>),
    Mapping(Span, Vec<MappingEntry<'s>>, PendingKey<'s>),
}

enum PendingKey<'s> {
    Awaited,
    Read(Cow<'s, str>, Span),
    /// The key is not a text; its value is parsed and dropped.
    Unusable,
}

impl<'s, 'p> Builder<'s, 'p> {
    fn new(limit: usize, source: &'s Source, problems: &'p mut Vec<Problem>) -> Self {
        Self {
            source,
            problems,
            cursor: Cursor::new(&source.text),
            open: Vec::new(),
            root: None,
            nodes: 0,
            limit,
            last: Span::default(),
            reported: 0,
        }
    }

    /// Processes one event. Returns false if the rest of the document cannot be parsed.
    fn event(&mut self, event: Event<'_>, at: ParserSpan) -> bool {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.span(at);
                self.refuse_extras(anchor, tag.is_some(), span);
                let text = self.borrow(text, span);
                let kind = match style {
                    ScalarStyle::Plain => NodeKind::Plain(text),
                    _ => NodeKind::Quoted(text),
                };
                self.value(Node { span, kind })
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if self.open.len() >= MAX_DOCUMENT_DEPTH => {
                let span = self.span(at);
                self.too_deep(span);
                false
            }
            Event::SequenceStart(anchor, tag) => {
                let span = self.span(at);
                self.refuse_extras(anchor, tag.is_some(), span);
                self.open.push(Open::List(span, Vec::new()));
                true
            }
            Event::MappingStart(anchor, tag) => {
                let span = self.span(at);
                self.refuse_extras(anchor, tag.is_some(), span);
                self.open
                    .push(Open::Mapping(span, Vec::new(), PendingKey::Awaited));
                true
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) => {
                let span = self.span(at);
                self.refuse_alias(span);
                self.value(Node {
                    span,
                    kind: NodeKind::Refused,
                })
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                let span = self.span(at);
                let help = "write each document into a file of its own".to_owned();
                let title = "the file contains more than one document";
                self.report(
                    "several-documents",
                    title,
                    span,
                    "the second begins here",
                    Some(help),
                );
                false
            }
            _ => true,
        }
    }

    fn close(&mut self) -> bool {
        match self.open.pop() {
            Some(Open::List(span, items)) => self.value(Node {
                span,
                kind: NodeKind::List(items),
            }),
            Some(Open::Mapping(span, entries, _)) => {
                let entries = self.refuse_repeated(entries);
                self.value(Node {
                    span,
                    kind: NodeKind::Mapping(entries),
                })
            }
            None => true,
        }
    }

    /// Adds a finished node to the innermost open list or mapping. Returns false if the document has too many nodes.
    fn value(&mut self, node: Node<'s>) -> bool {
        self.nodes += 1;
        if self.nodes > self.limit {
            let title = format!("the document has more than {} keys and values", self.limit);
            let help = "split it into several documents in a directory".to_owned();
            self.report("document-size", title, node.span, "one more here", Some(help));
            return false;
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Mapping(_, entries, key)) => match std::mem::replace(key, PendingKey::Awaited) {
                PendingKey::Read(text, key_span) => entries.push(MappingEntry {
                    key: text,
                    key_span,
                    value: node,
                }),
                PendingKey::Unusable => {}
                PendingKey::Awaited => self.key(node),
            },
        }
        true
    }

    /// Makes a node the next key of the innermost mapping.
    fn key(&mut self, node: Node<'s>) {
        let span = node.span;
        let read = match node.kind {
            NodeKind::Plain(text) if text == "<<" => {
                let help = "write the keys themselves".to_owned();
                self.report(
                    "yaml-merge",
                    "merging mappings with `<<` is not supported",
                    span,
                    "",
                    Some(help),
                );
                PendingKey::Unusable
            }
            NodeKind::Plain(text) | NodeKind::Quoted(text) => PendingKey::Read(text, span),
            NodeKind::List(_) | NodeKind::Mapping(_) => {
                let help = "write `key: value`, with a text for the key".to_owned();
                self.report("yaml-key", "a key must be a text", span, "not a text", Some(help));
                PendingKey::Unusable
            }
            NodeKind::Refused => PendingKey::Unusable,
        };
        if let Some(Open::Mapping(_, _, key)) = self.open.last_mut() {
            *key = read;
        }
    }

    fn refuse_extras(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor > 0 {
            self.refuse_alias(span);
        }
        if tagged {
            let help = "remove the tag; the type of a value follows from the name of its field".to_owned();
            self.report("yaml-tag", "tags are not supported", span, "tagged", Some(help));
        }
    }

    fn refuse_alias(&mut self, span: Span) {
        let help = "write the whole value; a condition that is used twice can be a segment".to_owned();
        self.report(
            "yaml-alias",
            "anchors and aliases are not supported",
            span,
            "",
            Some(help),
        );
    }

    /// Keeps the first of several entries with the same key, and reports the others.
    fn refuse_repeated(&mut self, entries: Vec<MappingEntry<'s>>) -> Vec<MappingEntry<'s>> {
        let repeated = repeated_keys(&entries);
        if repeated.is_empty() {
            return entries;
        }
        self.source.mark_repeated_key();
        for &(first, again) in repeated.iter().take(MAX_PROBLEMS) {
            if let (Some(first), Some(again)) = (entries.get(first), entries.get(again)) {
                let title = format!("the key `{}` is written twice", again.key);
                let at = Label::new(self.source, again.key_span, "again here");
                let first = Label::new(self.source, first.key_span, "first here");
                let help = "keep one of them, or rename one";
                self.problems
                    .push(Problem::error("duplicate-key", title, at).also(first).help(help));
            }
        }
        if let Some(&(_, again)) = repeated.get(MAX_PROBLEMS)
            && let Some(again) = entries.get(again)
        {
            // A problem takes a hundred times the memory of a repeated key.
            let title = format!("{} further keys are written twice", repeated.len() - MAX_PROBLEMS);
            let at = Label::new(self.source, again.key_span, "the first of them");
            self.problems
                .push(Problem::error("duplicate-key", title, at).help("keep each key once"));
        }
        let again: HashSet<usize> = repeated.into_iter().map(|(_, again)| again).collect();
        entries
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !again.contains(index))
            .map(|(_, entry)| entry)
            .collect()
    }

    fn too_deep(&mut self, span: Span) {
        let title = format!("the document is nested deeper than {MAX_DOCUMENT_DEPTH} levels");
        let help = "define inner conditions as segments".to_owned();
        self.report("document-depth", title, span, "deeper than that", Some(help));
    }

    /// Reports a value in brackets for which the input has ended early.
    fn too_long(&mut self) {
        let title = format!("one value has more than {MAX_INDICATORS} brackets, commas and colons");
        let help = "write the document as JSON, or the value with one item on a line".to_owned();
        self.report(
            "document-size",
            title,
            self.last,
            "the value after this",
            Some(help),
        );
    }

    fn syntax(&mut self, error: &ScanError) {
        let start = self.cursor.byte(error.marker().index());
        let info = error.info().replace('`', "'");
        let span = |start| Span {
            start: offset(start),
            len: 1,
        };
        // The parser has its own limit on nested brackets, and reports it before it yields their events.
        if info.contains("recursion limit") {
            return self.too_deep(span(start));
        }
        let mistake = likely_mistake(&self.source.text, start, &info);
        let title = format!("this is not YAML: {info}");
        let help = Some(mistake.help.into_owned());
        self.report("yaml-syntax", title, span(mistake.at), "", help);
    }

    fn report(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        label: &str,
        help: Option<String>,
    ) {
        self.reported += 1;
        // Reports show no more, and a document may have millions of tags.
        if self.reported > MAX_PROBLEMS {
            return;
        }
        let at = Label::new(self.source, span, label);
        self.problems
            .push(Problem::error(code, title, at).maybe_help(help));
    }

    fn span(&mut self, at: ParserSpan) -> Span {
        let start = self.cursor.byte(at.start.index());
        let mut end = self.cursor.byte(at.end.index()).max(start);
        while end > start
            && self
                .source
                .text
                .as_bytes()
                .get(end - 1)
                .is_some_and(u8::is_ascii_whitespace)
        {
            end -= 1;
        }
        let end = end_of_quotes(&self.source.text, start).unwrap_or(end);
        self.last = Span {
            start: offset(start),
            len: offset(end - start),
        };
        self.last
    }

    /// Borrows the text from the source if it occurs there unchanged.
    fn borrow(&self, text: Cow<'_, str>, span: Span) -> Cow<'s, str> {
        let (start, len) = (span.start as usize, span.len as usize);
        let source: &'s str = &self.source.text;
        let written = source.get(start..start + len).unwrap_or_default();
        if written == text {
            return Cow::Borrowed(written);
        }
        let inner = written.get(1..len.saturating_sub(1)).unwrap_or_default();
        if inner == text {
            Cow::Borrowed(inner)
        } else {
            Cow::Owned(text.into_owned())
        }
    }
}

/// Returns for every repeated key the index of its first entry, and its own.
fn repeated_keys(entries: &[MappingEntry<'_>]) -> Vec<(usize, usize)> {
    let mut repeated = Vec::new();
    if entries.len() < FEW_KEYS {
        for (index, entry) in entries.iter().enumerate() {
            let first = entries
                .iter()
                .take(index)
                .position(|earlier| earlier.key == entry.key);
            repeated.extend(first.map(|first| (first, index)));
        }
        return repeated;
    }
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let first = *seen.entry(&entry.key).or_insert(index);
        if first != index {
            repeated.push((first, index));
        }
    }
    repeated
}

/// Returns the end of the quoted text that begins at `start`, if one does. The parser's span includes what follows the
/// closing quote.
fn end_of_quotes(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.get(start)?;
    let mut at = start + 1;
    loop {
        match (quote, *bytes.get(at)?) {
            (b'"', b'\\') => at += 2,
            (b'\'', b'\'') if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            (b'"', b'"') | (b'\'', b'\'') => return Some(at + 1),
            (b'"' | b'\'', _) => at += 1,
            _ => return None,
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
