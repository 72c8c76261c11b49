//! The target of a request, brought to the one spelling that is both matched and forwarded, or refused.
//! Which route it falls on is `route_table`'s; how an upstream may read it otherwise is `readings`'.

mod invalid;
mod options;
mod readings;
mod reads;
mod spelling;
pub(crate) mod step;
pub(crate) mod suffix;

use std::{borrow::Cow, fmt};

pub use invalid::InvalidTarget;
pub use options::{EncodedSlash, MAX_PATH, MAX_PATH_SEGMENTS, TargetOptions};
pub use readings::{MAX_DECODES, MAX_READINGS, TooManyReadings, is_plain, readings};
pub use reads::{Read, Reads};
pub(crate) use spelling::decoded_bytes;

use self::spelling::PathSource;
use crate::Host;

/// A target that was understood. Its path is ASCII, begins with `/` (but for `*`) and has no dot segment,
/// no empty segment but the last, no escaped unreserved character and no escape in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path to match and to forward; borrowed where it is as it was sent. `*` for the asterisk form.
    pub path: Cow<'a, str>,
    /// What follows the first `?`, as sent.
    pub query: Option<&'a str>,
    /// The authority of the absolute form, as sent and known to parse as a [`Host`]. It must be the Host
    /// header's (RFC 9112 3.2.2).
    pub authority: Option<&'a str>,
    /// Whether what is to be forwarded differs from what was sent. The absolute form always does.
    pub changed: bool,
}

/// Reads a request target as it stood in the request line (RFC 9112 3.2) or in `:path`.
///
/// - Origin form `/a/b?q`: taken. Absolute form `http://host/a/b?q`, `http` or `https`: taken, and becomes the
///   origin form; an empty path becomes `/` (RFC 9112 3.2.1), for `OPTIONS` too, where a proxy of the client's
///   choice would send `*` (3.2.4): a route has to be matched, and `*` falls on none.
/// - Asterisk form `*`: taken; that the method is `OPTIONS` is the caller's to see.
/// - Authority form `host:port` and everything else: refused.
///
/// Refused in a path, raw and encoded: bytes that are not UTF-8 (an overlong form is none), NUL, every other
/// control character (C0, DEL, C1), a backslash; raw only: a space, `#`; encoded only: `/`, if so chosen, and a
/// `%` that two hex digits don't follow. In a query, raw: not UTF-8, control characters, a space, `#`.
///
/// Then, in this order: escapes of unreserved characters are decoded and the others get upper-case digits
/// (RFC 3986 6.2.2.1, 6.2.2.2); raw characters that no path may hold (RFC 3986 3.3: all that is not ASCII, and
/// ``"<>[]^`{|}``) are escaped; encoded slashes are decoded, if so chosen; repeated slashes are merged; dot
/// segments are removed, and `..` at the root stays at the root (RFC 3986 5.2.4). Everything is decoded once:
/// `%252e` is data and stays as it is.
///
/// # Errors
/// The first thing that is wrong: form, length, path from left to right, query.
pub fn normalise(raw: &[u8], options: TargetOptions) -> Result<Target<'_>, InvalidTarget> {
    let text = std::str::from_utf8(raw).map_err(|error| InvalidTarget::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    if text == "*" {
        return Ok(Target {
            path: Cow::Borrowed(text),
            query: None,
            authority: None,
            changed: false,
        });
    }
    let (authority, rest) = split_form(text)?;
    let (sent, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let path = match sent {
        "" => Cow::Borrowed("/"),
        sent => {
            let source = PathSource::Request(options.encoded_slash);
            spelling::respell(sent, text.len() - rest.len(), source)?
        }
    };
    if let Some(query) = query {
        check_query(query, text.len() - query.len())?;
    }
    let changed = authority.is_some() || matches!(path, Cow::Owned(_));
    Ok(Target {
        path,
        query,
        authority,
        changed,
    })
}

/// Brings the path of a route, which begins with a slash, to the spelling in which requests will come.
pub(crate) fn normalise_pattern(path: &str) -> Result<Cow<'_, str>, InvalidTarget> {
    spelling::respell(path, 0, PathSource::Pattern)
}

impl Target<'_> {
    /// Whether this is the asterisk form, which is about the server and not about a path of it.
    #[must_use]
    pub fn is_asterisk(&self) -> bool {
        self.path == "*"
    }
}

/// The target to be forwarded: path and query.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// The authority, if there is one, and what follows it.
fn split_form(text: &str) -> Result<(Option<&str>, &str), InvalidTarget> {
    if text.is_empty() {
        return Err(InvalidTarget::Empty);
    }
    if text.starts_with('/') {
        return Ok((None, text));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(InvalidTarget::Form);
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(InvalidTarget::Form);
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    Host::parse(authority).map_err(InvalidTarget::Authority)?;
    Ok((Some(authority), rest))
}

/// Looks for what no query may hold. Anything else in it is between client and upstream.
fn check_query(query: &str, start: usize) -> Result<(), InvalidTarget> {
    let wrong = |c: char| c.is_control() || matches!(c, ' ' | '#');
    match query.char_indices().find(|&(_, c)| wrong(c)) {
        Some((at, found)) => Err(InvalidTarget::of_raw(found, start + at)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use readings::tests as tests_of_readings;
