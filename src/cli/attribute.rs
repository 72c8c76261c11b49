//! Attributes of the command line, for the admin API: a name and a value in JSON.

use serde_json::Value;

/// A name and a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Attribute(pub(super) String, pub(super) Value);

/// Reads `seats=80`, `country=DE`: a value that is JSON is that, any other is a text.
pub(super) fn parse(text: &str) -> Result<Attribute, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok(Attribute(name.to_owned(), value))
        }
        _ => Err("an attribute is written NAME=VALUE".to_owned()),
    }
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
        ] {
            assert_eq!(parse(text).unwrap().1.to_string(), expected, "{text}");
        }
        assert!(parse("seats").is_err() && parse("=1").is_err());
    }
}
