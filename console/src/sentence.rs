//! Sentences of the API, with their times as pages write them.

use serde::{Deserialize as _, Deserializer};

/// Reads a sentence, for `#[serde(deserialize_with = "sentence::read")]`.
///
/// # Errors
/// It is not a text.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|sentence| with_utc(&sentence))
}

/// Reads a sentence that may be absent, for `#[serde(default, deserialize_with = "sentence::read_some")]`.
///
/// # Errors
/// It is neither null nor a text.
pub(crate) fn read_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let sentence = Option::<String>::deserialize(deserializer)?;
    Ok(sentence.map(|sentence| with_utc(&sentence)))
}

/// Returns a sentence of the API with its times as pages write them: `2026-11-21 09:14 UTC` for `2026-11-21 09:14Z`.
fn with_utc(sentence: &str) -> String {
    let mut parts = sentence.split('Z').peekable();
    let mut written = String::new();
    while let Some(part) = parts.next() {
        written.push_str(part);
        if parts.peek().is_some() {
            written.push_str(if ends_with_minute(part) { " UTC" } else { "Z" });
        }
    }
    written
}

/// Returns true for a text that ends with a day and a minute, as `2026-11-21 09:14`.
fn ends_with_minute(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00 00:00";
    let Some(end) = text
        .len()
        .checked_sub(FORM.len())
        .and_then(|start| text.as_bytes().get(start..))
    else {
        return false;
    };
    end.iter().zip(FORM).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == form,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_sentences_are_written_as_on_pages() {
        for (said, shown) in [
            (
                "possible from 2026-11-21 09:14Z (in 2 h)",
                "possible from 2026-11-21 09:14 UTC (in 2 h)",
            ),
            ("2026-11-21T09:14:00Z", "2026-11-21T09:14:00Z"),
            ("Zürich, Z", "Zürich, Z"),
            ("", ""),
        ] {
            assert_eq!(with_utc(said), shown);
        }
    }
}
