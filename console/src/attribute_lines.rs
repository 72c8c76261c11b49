//! Attributes of a tenant as lines of text, `name: value`, as people read and edit them. A value is JSON; a value that is
//! not JSON is a text. A name that can't stand for itself, such as one with a colon, is a JSON text in quotes.

use std::collections::BTreeMap;

use serde_json::Value;

/// Attributes by their names.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// Returns attributes as lines.
pub(crate) fn print(attributes: &Attributes) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .map(|(name, value)| match is_plain(name) {
            true => format!("{name}: {value}"),
            false => format!("{}: {value}", Value::from(&**name)),
        })
        .collect();
    lines.join("\n")
}

/// Returns true for a name that is read as it is written.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.starts_with('"')
        && !name.contains(|character: char| character == ':' || character.is_control())
}

/// Returns the attributes of lines; none if a line has no name. The last line with a name counts.
pub(crate) fn parse(lines: &str) -> Option<Attributes> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines.map(attribute).collect()
}

fn attribute(line: &str) -> Option<(String, Value)> {
    let (name, value) = match line.trim_start().starts_with('"') {
        true => quoted(line)?,
        false => {
            let (name, value) = line.split_once(':')?;
            (name.trim().to_owned(), value)
        }
    };
    let value = value.trim();
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Some((name, value))
}

/// Returns the name in quotes at the begin of a line, and the text behind its colon.
fn quoted(line: &str) -> Option<(String, &str)> {
    let mut texts = serde_json::Deserializer::from_str(line).into_iter::<String>();
    let name = texts.next()?.ok()?;
    let rest = line.get(texts.byte_offset()..)?;
    Some((name, rest.trim_start().strip_prefix(':')?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), "[:\" \\\\\n\r\u{2028}a]{0,6}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop::collection::vec(inner, 0..3).prop_map(Value::from)
        })
    }

    proptest! {
        #[test]
        fn printed_attributes_are_read_unchanged(
            attributes in prop::collection::btree_map(
                prop_oneof![any::<String>(), "[:\" \\\\\n\r\u{2028}\u{a0}a]{0,6}"],
                value(),
                0..6,
            )
        ) {
            prop_assert_eq!(parse(&print(&attributes)), Some(attributes.clone()));
            // Browsers send the ends of lines as CRLF.
            prop_assert_eq!(parse(&print(&attributes).replace('\n', "\r\n")), Some(attributes));
        }
    }

    #[test]
    fn a_name_with_a_colon_is_in_quotes() {
        let attributes = Attributes::from([("a:b".to_owned(), json!("v")), ("seats".to_owned(), json!(7))]);
        assert_eq!(print(&attributes), "\"a:b\": \"v\"\nseats: 7");
        assert_eq!(parse("\"a:b\" : v\n seats:7\n\n"), Some(attributes));
        for malformed in ["seats", "\"a:b\"", "\"a:b: 1", "\"a\" 1"] {
            assert_eq!(parse(malformed), None, "{malformed}");
        }
    }
}
