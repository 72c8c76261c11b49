//! Escapes for characters that a reader does not see: text from documents and clients must not move the cursor of a
//! terminal, begin a log line or look like another text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` with control characters, line breaks included, and invisible characters escaped: `\n`, `\u{1b}`,
/// `<U+00A0>`.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| c.is_control() || is_invisible(c);
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else if is_invisible(c) {
            // Writing to a string doesn't fail.
            let _ = write!(escaped, "<U+{:04X}>", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Returns a JSON text with control characters and invisible characters escaped (`\u009b`), except for the white space
/// between its tokens. The value is the same. Bytes that are not UTF-8 are replaced; JSON has none.
#[must_use]
pub fn escaped_json(json: &[u8]) -> Cow<'_, [u8]> {
    if json.is_ascii() && !json.iter().any(|byte| is_escaped_in_json(char::from(*byte))) {
        return Cow::Borrowed(json);
    }
    let text = String::from_utf8_lossy(json);
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped_in_json(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string doesn't fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped.into_bytes())
}

fn is_escaped_in_json(c: char) -> bool {
    is_invisible(c) || c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// Returns true for a character without a glyph: white space except for the space, and the characters that a renderer
/// may ignore. The sources are the properties White_Space and Default_Ignorable_Code_Point of Unicode 16, with the
/// annotation marks and the blank braille pattern.
fn is_invisible(c: char) -> bool {
    // The white space of ASCII is the space and control characters.
    !c.is_ascii()
        && (c.is_whitespace()
            || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_cursor_controls_are_escaped() {
        assert_eq!(
            escaped("a\u{1b}[2Jb\nc\u{202e}d\u{9b}"),
            "a\\u{1b}[2Jb\\nc<U+202E>d\\u{9b}"
        );
        assert_eq!(escaped("plain \u{e9}"), "plain \u{e9}");
    }

    #[test]
    fn invisible_characters_are_written_out() {
        for (text, expected) in [
            ("acme\u{a0}corp", "acme<U+00A0>corp"),
            ("\u{feff}acme", "<U+FEFF>acme"),
            ("ac\u{200b}me\u{ad}", "ac<U+200B>me<U+00AD>"),
            ("a\u{3000}b\u{2066}", "a<U+3000>b<U+2066>"),
            ("tag\u{e0041}", "tag<U+E0041>"),
            ("Größe 3 → 4, 東京 e\u{301}", "Größe 3 → 4, 東京 e\u{301}"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn json_keeps_its_value_without_c1_controls_and_bidi_marks() {
        let value = serde_json::json!({
            "a\u{202e}b": "x\u{9b}31m\u{7f}\u{a0}\u{e0041}\u{e9}", "plain": ["1.10", "\n\u{1b}"],
        });
        for json in [value.to_string(), format!("{value:#}")] {
            let escaped = escaped_json(json.as_bytes());
            let text = std::str::from_utf8(&escaped).unwrap();
            assert!(text.contains(r"x\u009b31m\u007f\u00a0\udb40\udc41é"), "{text}");
            assert!(text.contains(r"a\u202eb"), "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), value);
        }
        let plain = b"{\n\t\"a\": 1\r\n}";
        assert!(matches!(escaped_json(plain), Cow::Borrowed(_)));
        // Not JSON: a byte that an 8-bit terminal would obey.
        assert_eq!(escaped_json(b"\x9b2J\x1b"), "\u{fffd}2J\\u001b".as_bytes());
    }
}
