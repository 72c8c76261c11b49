//! Text of other authors, made safe for a terminal, and counts with their noun.

/// Escapes the control characters of a text of another author, and masks its secrets.
pub(crate) fn printable(text: &str) -> String {
    redact::masked(&redact::escaped(text)).into_owned()
}

/// Formats a count with its noun: `1 tenant`, `2 tenants`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// Formats a number of audit entries: `1 entry`, `2 entries`.
pub(crate) fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("Größe 3 → 4"), "Größe 3 → 4");
        assert_eq!(
            printable("a\u{1b}[31m\u{7}\r\n\u{202e}b"),
            "a\\u{1b}[31m\\u{7}\\r\\n\\u{202e}b"
        );
    }
}
