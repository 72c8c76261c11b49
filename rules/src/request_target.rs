//! Normalisation of request targets: a target gets the one spelling that is matched and forwarded, or is
//! refused. `route_table` finds its route; `readings` computes how an upstream may read it.

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

/// A normalised target. Its path is ASCII, begins with `/` (except `*`), and has no dot segment, no empty
/// segment except the last, no escaped unreserved character and no lower-case escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path to match and to forward; borrowed where it is as it was sent. `*` for the asterisk form.
    pub path: Cow<'a, str>,
    /// The text after the first `?`, as sent.
    pub query: Option<&'a str>,
    /// The authority of the absolute form, as sent and known to parse as a [`Host`]. It must be the Host
    /// header's (RFC 9112 3.2.2).
    pub authority: Option<&'a str>,
    /// True if the forwarded target differs from the one that was sent. It always does for the absolute form.
    pub changed: bool,
}

/// Normalises a request target, as in the request line (RFC 9112 section 3.2) or in `:path`.
///
/// - Origin form `/a/b?q`: accepted.
/// - Absolute form `http://host/a/b?q`, `http` or `https`: accepted and changed to the origin form. An empty
///   path becomes `/` (RFC 9112 section 3.2.1). This includes `OPTIONS`, for which section 3.2.4 prescribes
///   `*`: a route must match, and none matches `*`.
/// - Asterisk form `*`: accepted; the caller checks that the method is `OPTIONS`.
/// - Authority form `host:port` and everything else: refused.
///
/// Refused in a path, raw and encoded: bytes that are not UTF-8 (overlong forms included), NUL, every other
/// control character (C0, DEL, C1), a backslash. Refused raw only: a space, `#`. Refused encoded only: `/`,
/// unless the options allow it, and a `%` without two hex digits. Refused in a query, raw: bytes that are not
/// UTF-8, control characters, a space, `#`.
///
/// Then, in this order:
/// 1. escapes of unreserved characters are decoded, the others get upper-case digits (RFC 3986 sections
///    6.2.2.1 and 6.2.2.2);
/// 2. raw characters that a path must not hold (RFC 3986 section 3.3: all that is not ASCII, and
///    ``"<>[]^`{|}``) are escaped;
/// 3. encoded slashes are decoded, if the options say so;
/// 4. repeated slashes are merged;
/// 5. dot segments are removed, and `..` at the root stays at the root (RFC 3986 section 5.2.4).
///
/// Everything is decoded once: `%252e` is data and stays.
///
/// # Errors
/// The first violation, in this order: form, length, path from left to right, query.
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
    /// Returns true for the asterisk form, which refers to the server and has no path.
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

/// Splits a target into its authority, if it has one, and the rest.
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

/// Refuses characters that no query may hold. All others are left to client and upstream.
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
