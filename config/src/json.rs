//! Conversion of nodes to JSON values: for the values of variants, and to validate documents against the JSON Schema.

use serde_json::{Map, Number, Value};

use crate::node::{Node, NodeKind, Scalar};

/// Returns the node as JSON. Decimal numbers keep their digits. Hexadecimal and octal numbers of more than 34 digits
/// become texts.
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
            Some(Scalar::Integer(integer)) => Value::Number(integer.into()),
            Some(Scalar::Number(_) | Scalar::InvalidNumber(_)) => {
                number(text).map_or(Value::from(&**text), Value::Number)
            }
            Some(Scalar::Text(_)) | None => Value::from(&**text),
        },
    }
}

/// Reads a decimal number and keeps its digits. Spellings that YAML has and JSON lacks are normalised: a plus sign,
/// leading zeros, no digit before or after the point.
fn number(text: &str) -> Option<Number> {
    let sign = if text.starts_with('-') { "-" } else { "" };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}{exponent}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_number_keeps_its_digits() {
        for (text, expected) in [
            ("1.10", "1.10"),
            ("0.1", "0.1"),
            (".5", "0.5"),
            ("+7.", "7"),
            ("-007.0", "-7.0"),
            ("1e3", "1e+3"),
            ("1.50E-7", "1.50e-7"),
            ("9007199254740993.0", "9007199254740993.0"),
            (
                "1234567890123456789012345678901234567890",
                "1234567890123456789012345678901234567890",
            ),
            ("1e999", "1e+999"),
        ] {
            assert_eq!(number(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(number("0xfffffffffffffffffffffffffffffffff"), None);
    }
}
