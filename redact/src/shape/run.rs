//! Runs of bytes of one kind, and where a word begins.

/// Returns the end of the run of bytes from `start` on for which `is_part` is true.
pub(super) fn run(text: &[u8], start: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.iter().position(|byte| !is_part(*byte));
    start + length.unwrap_or(rest.len())
}

/// Returns the end of the bytes from `start` on that can be within a JSON string: before a quote, escaped or
/// not.
pub(super) fn quotable(text: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at += match text.get(at..).unwrap_or_default() {
            [] | [b'"', ..] | [b'\\', b'"', ..] => return at.min(text.len()),
            [b'\\', _, ..] => 2,
            _ => 1,
        };
    }
}

/// Returns true if a word begins at `start`. An escape before it (`%20`, `\n`) does not continue a word.
pub(super) fn begins_word(text: &[u8], start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).and_then(|at| text.get(at).copied());
    let Some(last) = before(1) else { return true };
    let is_percent = before(3) == Some(b'%')
        && last.is_ascii_hexdigit()
        && before(2).is_some_and(|byte| byte.is_ascii_hexdigit());
    !last.is_ascii_alphanumeric() || is_percent || before(2) == Some(b'\\')
}
