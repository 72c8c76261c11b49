//! Fields of answers. What an answer lacks is told as nothing: a newer or older server is no reason to give up.

use serde_json::{Map, Value};

/// A field's text.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

/// A field's number.
pub(crate) fn number(value: &Value, field: &str) -> Option<u64> {
    value.get(field)?.as_u64()
}

/// A field that is `true`.
pub(crate) fn is(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool) == Some(true)
}

/// A field's items.
pub(crate) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A field's entries.
pub(crate) fn entries<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let object: Option<&Map<String, Value>> = value.get(field).and_then(Value::as_object);
    object
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// A value in few words: texts without quotes, everything else as JSON. `true` and `false` of a variant are said as
/// `on` and `off`.
pub(crate) fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(word).collect();
            words.join(", ")
        }
        other => other.to_string(),
    }
}
