//! The format suffix of a path: `.json` of `/users.json`. Routers of Rails, Spring and Django REST framework
//! read it as a format of `/users`.

use super::spelling::decoded_bytes;

/// Longest format, in bytes once its escapes are decoded, without its dot.
const MAX_FORMAT: usize = 16;

/// Returns `path` without its format suffix; `None` if it has none.
///
/// `/a.b/c.json` becomes `/a.b/c`, and `/c.json/` becomes `/c/`. An empty segment may remain: `/a/.json`
/// becomes `/a/`, because Django REST framework has the root of an API there. Of several suffixes the last is
/// cut. Spring reads `/c.min.js` as `/c` as well, which is a second step.
pub(super) fn cut(path: &[u8]) -> Option<Vec<u8>> {
    let (before, suffix) = path.split_at_checked(start(path)?)?;
    let slash = if suffix.ends_with(b"/") { &b"/"[..] } else { b"" };
    Some([before, slash].concat())
}

/// Returns true if the last segment of `path` ends in a format suffix.
pub(crate) fn is_in(path: &str) -> bool {
    start(path.as_bytes()).is_some()
}

/// Returns true if `rest`, all that follows a dot of a path, is a format: 1 to [`MAX_FORMAT`] bytes without a
/// dot, and optionally the slash at the end of the path.
pub(super) fn is_format(rest: &[u8]) -> bool {
    let format = rest.strip_suffix(b"/").unwrap_or(rest);
    // No escape is longer than three bytes. This comes first because it ends the check for all dots but the last few.
    format.len() <= 3 * MAX_FORMAT
        && !format.iter().any(|byte| matches!(byte, b'.' | b'/'))
        && (1..=MAX_FORMAT).contains(&decoded_bytes(format).count())
}

/// Returns the place of the dot with which the suffix begins.
fn start(path: &[u8]) -> Option<usize> {
    let dot = path.iter().rposition(|&byte| byte == b'.')?;
    is_format(path.get(dot + 1..)?).then_some(dot)
}
