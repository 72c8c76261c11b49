//! Parses JSON into a tree without places. The YAML parser buffers all tokens of a flow mapping before it yields the
//! first, about a hundred bytes for each byte of a document that is one mapping; this parser holds only the tree.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{MAX_DOCUMENT_DEPTH, MAX_DOCUMENT_NODES};
use crate::node::{MappingEntry, Node, NodeKind, Span};

/// Returns the tree of a JSON document. Returns none if it is not JSON, repeats a key, or is too deep or too large:
/// the YAML parser, which accepts all JSON, then reports the problem with its place.
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
                let Entries(entries) = serde_json::from_str(text).ok()?;
                let keys: HashSet<&str> = entries.iter().map(|(key, _)| &**key).collect();
                if keys.len() < entries.len() || keys.contains("<<") {
                    return None;
                }
                let entries = entries.into_iter().map(|(key, value)| {
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
            b'"' => {
                let JsonText(text) = serde_json::from_str(text).ok()?;
                NodeKind::Quoted(text)
            }
            // A number, `true`, `false` or `null`: YAML resolves them as JSON does.
            _ => NodeKind::Plain(Cow::Borrowed(text)),
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

/// The entries of a mapping in their order, repeated keys included.
struct Entries<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((JsonText(key), value)) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(All)
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
            "{\"<<\":{}}",
            &deep(64),
        ] {
            assert!(json(text).is_none(), "{text}");
        }
    }
}
