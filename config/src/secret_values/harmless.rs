//! Texts that are clearly no secrets. Reports show them, so that an operator sees the slip.

/// The longest word that is shown, in letters.
const LONGEST_WORD: usize = 12;

/// Returns true for one word of at most 12 letters, in small letters or with a capital first.
pub(super) fn is_word(text: &str) -> bool {
    let rest = text
        .strip_prefix(|c: char| c.is_ascii_uppercase())
        .unwrap_or(text);
    (1..=LONGEST_WORD).contains(&text.len())
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Returns true for a text that was meant as an RFC 3339 time: digits in groups.
pub(super) fn is_time(text: &str) -> bool {
    /// The longest group, a fraction of a second in nanoseconds.
    const LONGEST_GROUP: usize = 9;
    let mut groups = text.split(['-', ':', '.', '+', ' ', 'T', 't', 'Z', 'z', '/']);
    text.contains(['-', ':', '/'])
        && groups.all(|group| group.len() <= LONGEST_GROUP && group.bytes().all(|byte| byte.is_ascii_digit()))
}
