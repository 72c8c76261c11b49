//! Text of other authors, made safe for a terminal, and counts with their noun.

/// A text of somebody else, fit for a terminal: characters that would steer it are written out, and secrets masked.
pub(crate) fn printable(text: &str) -> String {
    redact::masked(&redact::escaped(text)).into_owned()
}

/// `1 tenant`, `2 tenants`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_written_out() {
        assert_eq!(printable("Größe 3 → 4"), "Größe 3 → 4");
        assert_eq!(
            printable("a\u{1b}[31m\u{7}\r\n\u{202e}b"),
            "a\\u{1b}[31m\\u{7}\\r\\n\\u{202e}b"
        );
    }
}
