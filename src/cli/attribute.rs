//! Attributes on the command line, for the admin API: a name and a JSON value.

use serde_json::Value;

/// A name and a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttributeArgument(pub(super) String, pub(super) Value);

/// Parses `seats=80`, `country=DE`. A value that is valid JSON is read as JSON, any other value as a string.
///
/// # Errors
/// There is no name, or the value is a spelling of an infinity or of not-a-number.
pub(super) fn parse(text: &str) -> Result<AttributeArgument, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            if is_not_finite(value) {
                return Err(format!(
                    "`{value}` is not a finite decimal number; for a string, write it in quotes: '{name}=\"{value}\"'"
                ));
            }
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok(AttributeArgument(name.to_owned(), value))
        }
        _ => Err("an attribute is written NAME=VALUE".to_owned()),
    }
}

/// Returns true for the spellings of infinities and of not-a-number, in YAML and in extensions of JSON. Read as strings
/// they would reach clauses that are meant for numbers.
fn is_not_finite(value: &str) -> bool {
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    config::is_not_finite(value) || matches!(unsigned, "NaN" | "Infinity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_json_or_a_text() {
        for (text, expected) in [
            ("seats=80", "80"),
            ("country=DE", "\"DE\""),
            ("vat=DE=1", "\"DE=1\""),
            ("trial=true", "true"),
            ("labels=[\"a\"]", "[\"a\"]"),
            ("note=", "\"\""),
            ("note=\"NaN\"", "\"NaN\""),
            ("note=\".inf\"", "\".inf\""),
            ("who=Nan", "\"Nan\""),
            ("who=Infinity Ltd", "\"Infinity Ltd\""),
        ] {
            assert_eq!(parse(text).unwrap().1.to_string(), expected, "{text}");
        }
        assert!(parse("seats").is_err() && parse("=1").is_err());
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_with_help() {
        for value in [
            "NaN",
            "Infinity",
            "-Infinity",
            ".inf",
            "-.INF",
            "+.Inf",
            ".nan",
            ".NaN",
        ] {
            let message = parse(&format!("seats={value}")).unwrap_err();
            assert!(message.contains(&format!("'seats=\"{value}\"'")), "{message}");
        }
    }
}
