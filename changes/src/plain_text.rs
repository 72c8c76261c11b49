//! Text that people write into records: one line, readable, of limited length.

/// Returns true if the text has a letter or digit, no control or bidirectional formatting character (Unicode UAX #9),
/// and at most `max` characters.
pub(crate) fn is_readable(text: &str, max: usize) -> bool {
    let turns = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(char::is_alphanumeric) && !text.chars().any(turns) && text.chars().count() <= max
}
