//! Nodes as JSON values: for the values of variants, and for comparing documents with the JSON Schema.

use serde_json::{Map, Number, Value};

use crate::node::{Node, NodeKind, Scalar};

/// The node as JSON. Numbers that JSON can't hold become texts.
pub(crate) fn value(node: &Node<'_>) -> Value {
    match &node.kind {
        NodeKind::List(items) => Value::Array(items.iter().map(value).collect()),
        NodeKind::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|entry| (entry.key.to_string(), value(&entry.value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        NodeKind::Refused => Value::Null,
        NodeKind::Plain(text) | NodeKind::Quoted(text) => match node.scalar() {
            Some(Scalar::Null) => Value::Null,
            Some(Scalar::Boolean(boolean)) => Value::Bool(boolean),
            Some(Scalar::Integer(integer)) => match (i64::try_from(integer), u64::try_from(integer)) {
                (Ok(integer), _) => Value::from(integer),
                (_, Ok(integer)) => Value::from(integer),
                _ => node
                    .number()
                    .and_then(Number::from_f64)
                    .map_or(Value::from(&**text), Value::from),
            },
            Some(Scalar::Number(number)) => {
                Number::from_f64(number).map_or(Value::from(&**text), Value::from)
            }
            Some(Scalar::Text(_)) | None => Value::from(&**text),
        },
    }
}
