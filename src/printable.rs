//! Text of other authors, made safe for a terminal.

/// Escapes the control and invisible characters of a text of another author, and masks its secrets.
pub(crate) fn printable(text: &str) -> String {
    redact::masked(&redact::escaped(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("Größe 3 → 4"), "Größe 3 → 4");
        assert_eq!(
            printable("a\u{1b}[31m\u{7}\r\n\u{202e}b"),
            "a\\u{1b}[31m\\u{7}\\r\\n<U+202E>b"
        );
    }
}
