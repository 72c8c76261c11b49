//! Fields of answers. A missing field reads as empty, so that commands work with newer and older servers.

use serde_json::{Map, Value};

/// Returns a field's string.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

/// Returns a field's number.
pub(crate) fn number(value: &Value, field: &str) -> Option<u64> {
    value.get(field)?.as_u64()
}

/// Returns true if a field is `true`.
pub(crate) fn is(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool) == Some(true)
}

/// Returns a field's items.
pub(crate) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Returns a field's entries.
pub(crate) fn entries<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let object: Option<&Map<String, Value>> = value.get(field).and_then(Value::as_object);
    object
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// Formats a value: strings without quotes, booleans as the variants `on` and `off`, lists with commas, anything else
/// as JSON.
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
