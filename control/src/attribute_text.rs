//! An attribute as people write it, on the command line and in forms: `seats=80`, `country=DE`.

use serde_json::Value;

/// The reason why a text is no attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributeText {
    /// There is no name.
    #[error("an attribute is written NAME=VALUE")]
    NoName,
    /// The value is a spelling of an infinity or of not-a-number.
    #[error(
        "`{value}` is not a finite decimal number; for a string, write it in quotes: '{name}=\"{value}\"'"
    )]
    NotFinite {
        /// The name.
        name: String,
        /// The value.
        value: String,
    },
}

/// Parses `seats=80`, `country=DE` into a name and a JSON value. A value that is valid JSON is read as JSON, any other
/// value as a string.
///
/// # Errors
/// There is no name, or the value is a spelling of an infinity or of not-a-number.
pub fn attribute_from_text(text: &str) -> Result<(String, Value), InvalidAttributeText> {
    let (name, value) = text.split_once('=').ok_or(InvalidAttributeText::NoName)?;
    if name.is_empty() {
        return Err(InvalidAttributeText::NoName);
    }
    if is_not_finite(value) {
        return Err(InvalidAttributeText::NotFinite {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
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
            assert_eq!(
                attribute_from_text(text).unwrap().1.to_string(),
                expected,
                "{text}"
            );
        }
        for text in ["seats", "=1"] {
            assert_eq!(attribute_from_text(text), Err(InvalidAttributeText::NoName));
        }
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
            let message = attribute_from_text(&format!("seats={value}"))
                .unwrap_err()
                .to_string();
            assert!(message.contains(&format!("'seats=\"{value}\"'")), "{message}");
        }
    }
}
