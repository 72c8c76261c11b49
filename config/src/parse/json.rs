//! Parses JSON into a tree, with or without places. The YAML parser buffers all tokens of a flow mapping before it
//! yields the first, about a hundred bytes for each byte of a document that is one mapping; this parser holds only the
//! tree.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Builder, MAX_DOCUMENT_DEPTH, MAX_DOCUMENT_NODES, Open, PendingKey, offset};
use crate::node::{MappingEntry, Node, NodeKind, Span};

/// Returns the tree of a JSON document, without places. Returns none if it is not JSON, repeats a key, or is too deep or
/// too large: [`placed`] or the YAML parser then reports the problem with its place.
pub(crate) fn json(text: &str) -> Option<Node<'_>> {
    let text = text.trim_ascii_start();
    if !text.starts_with('{') {
        return None;
    }
    let root: &RawValue = serde_json::from_str(text).ok()?;
    Reader {
        left: MAX_DOCUMENT_NODES,
    }
    .node(root.get(), 1)
}

/// Builds the tree of a JSON document with places. Returns false if a problem was reported that ends the document, and
/// none if the text is not JSON.
pub(super) fn placed(builder: &mut Builder<'_, '_>) -> Option<bool> {
    let text: &str = &builder.source.text;
    if !text.trim_ascii_start().starts_with(['{', '[', '"']) {
        return None;
    }
    let root: &RawValue = serde_json::from_str(text).ok()?;
    let (start, problems) = (text.as_ptr().addr(), builder.problems.len());
    let built = PlacedReader { builder, start }.value(root);
    if built.is_none() {
        // A text has half of a surrogate pair, which a raw value may have. The YAML parser reports its place.
        builder.problems.truncate(problems);
        builder.open.clear();
        builder.nodes = 0;
    }
    built
}

struct PlacedReader<'b, 's, 'p> {
    builder: &'b mut Builder<'s, 'p>,
    /// The address of the text. Values are slices of it, so that their addresses tell their places.
    start: usize,
}

impl<'s> PlacedReader<'_, 's, '_> {
    fn value(&mut self, value: &'s RawValue) -> Option<bool> {
        let text = value.get();
        let opening = Span {
            start: offset(text.as_ptr().addr().saturating_sub(self.start)),
            len: 1,
        };
        let first = *text.as_bytes().first()?;
        if matches!(first, b'{' | b'[') && self.builder.open.len() >= MAX_DOCUMENT_DEPTH {
            self.builder.too_deep(opening);
            return Some(false);
        }
        match first {
            b'{' => {
                let Entries(entries): Entries<&RawValue> = serde_json::from_str(text).ok()?;
                let mapping = Open::Mapping(opening, Vec::with_capacity(entries.len()), PendingKey::Awaited);
                self.builder.open.push(mapping);
                for (key, value) in entries {
                    if !(self.value(key)? && self.value(value)?) {
                        return Some(false);
                    }
                }
                Some(self.builder.close())
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let list = Open::List(opening, Vec::with_capacity(items.len()));
                self.builder.open.push(list);
                for item in items {
                    if !self.value(item)? {
                        return Some(false);
                    }
                }
                Some(self.builder.close())
            }
            _ => {
                let span = Span {
                    len: offset(text.len()),
                    ..opening
                };
                let kind = scalar(text)?;
                Some(self.builder.value(Node { span, kind }))
            }
        }
    }
}

/// Returns a text, or the spelling of a number, `true`, `false` or `null`, which YAML resolves as JSON does.
fn scalar(text: &str) -> Option<NodeKind<'_>> {
    if !text.starts_with('"') {
        return Some(NodeKind::Plain(Cow::Borrowed(text)));
    }
    let JsonText(text) = serde_json::from_str(text).ok()?;
    Some(NodeKind::Quoted(text))
}

struct Reader {
    /// The number of nodes that may follow.
    left: usize,
}

impl Reader {
    fn node<'t>(&mut self, text: &'t str, depth: usize) -> Option<Node<'t>> {
        self.left = self.left.checked_sub(1)?;
        let kind = match text.as_bytes().first()? {
            b'{' | b'[' if depth > MAX_DOCUMENT_DEPTH => return None,
            b'{' => {
                let Entries(entries): Entries<JsonText<'_>> = serde_json::from_str(text).ok()?;
                let keys: HashSet<&str> = entries.iter().map(|(JsonText(key), _)| &**key).collect();
                if keys.len() < entries.len() {
                    return None;
                }
                let entries = entries.into_iter().map(|(JsonText(key), value)| {
                    Some(MappingEntry {
                        key,
                        key_span: Span::default(),
                        value: self.node(value.get(), depth + 1)?,
                    })
                });
                NodeKind::Mapping(entries.collect::<Option<_>>()?)
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let items = items.into_iter().map(|item| self.node(item.get(), depth + 1));
                NodeKind::List(items.collect::<Option<_>>()?)
            }
            _ => scalar(text)?,
        };
        Some(Node {
            span: Span::default(),
            kind,
        })
    }
}

/// A text, borrowed if it has no escapes.
#[derive(Deserialize)]
struct JsonText<'t>(#[serde(borrow)] Cow<'t, str>);

/// The entries of a mapping in their order, repeated keys included. Keys are texts, or slices of the document.
struct Entries<'t, K>(Vec<(K, &'t RawValue)>);

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Entries<'de, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<K>(PhantomData<K>);

        impl<'de, K: Deserialize<'de>> Visitor<'de> for All<K> {
            type Value = Entries<'de, K>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(All(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::json::value;
    use crate::parse::parse;
    use crate::source::Sources;

    #[test]
    fn json_reader_agrees_with_the_yaml_reader() {
        for text in [
            "{}",
            " {\"a\": [1, -1.50e3, true, null, \"true\", \"\\u00e4\\n\\\"\", {\"b\": []}], \"\": 0}",
            "{\"<\": \"~\", \"n\": 9007199254740993.10}",
        ] {
            let mut sources = Sources::default();
            let source = sources.add("a".as_ref(), text.to_owned()).unwrap();
            let placed = parse(&source, &mut Vec::new()).unwrap();
            assert_eq!(value(&json(text).unwrap()), value(&placed), "{text}");
        }
    }

    #[test]
    fn invalid_json_is_passed_to_the_yaml_parser() {
        let deep = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(json(&deep(63)).is_some());
        for text in [
            "",
            "a: 1",
            "[]",
            "{\"a\":1,}",
            "{\"a\":1} x",
            "{\"a\":1,\"a\":1}",
            &deep(64),
        ] {
            assert!(json(text).is_none(), "{text}");
        }
    }
}
