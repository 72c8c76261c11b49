//! Escapes for control characters: text from documents and clients must not move a terminal's cursor or begin
//! a log line.

use std::borrow::Cow;

/// Returns `text` with control characters, line breaks included, and direction marks (bidi controls) escaped.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(moves) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if moves(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn line_breaks_and_cursor_controls_are_escaped() {
        assert_eq!(escaped("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(escaped("plain \u{e9}"), "plain \u{e9}");
    }
}
