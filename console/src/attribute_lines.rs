//! Attributes of a tenant as lines of text, `name: value`, as people read and edit them. A value is JSON; a value that is
//! not JSON is a text.

use std::collections::BTreeMap;

use serde_json::Value;

/// Attributes by their names.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// Returns attributes as lines.
pub(crate) fn print(attributes: &Attributes) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.join("\n")
}

/// Returns the attributes of lines; none if a line has no name. The last line with a name counts.
pub(crate) fn parse(lines: &str) -> Option<Attributes> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines.map(attribute).collect()
}

fn attribute(line: &str) -> Option<(String, Value)> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Some((name.trim().to_owned(), value))
}
