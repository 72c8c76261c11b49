//! The shapes of secrets: their beginnings and ends.
//!
//! A shape is listed only if nothing else that Sluice prints looks like it. Flag keys, tenant ids, metric
//! names, revisions, request and trace ids, and hashes are never masked. docs/security.md lists the shapes
//! for operators.

mod anchors;
mod base64;
mod named;
mod run;

use std::ops::Range;

pub(crate) use self::anchors::ANCHORS;
use self::run::{begins_word, quotable, run};
use crate::text_format::TextFormat;

/// The prefix of static operator tokens, which `control` issues.
pub const TOKEN_PREFIX: &str = "sluice_";

/// A shape that begins with an anchor.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SecretShape {
    /// A JSON object in base64url, and what follows it: a JWT (RFC 7519), a JWE, or a part of one.
    Jwt,
    /// `Bearer` and a token (RFC 6750 section 2.1).
    Bearer,
    /// `Basic` and base64 of a user and a password (RFC 7617 section 2).
    Basic,
    /// The inside of a private key in PEM (RFC 7468), as far as its end line.
    PrivateKey,
    /// The user and the password of a URL (RFC 3986 section 3.2.1).
    UserInfo,
    /// A prefix, followed by at least this many characters of a kind.
    Prefixed(Tail, usize),
    /// The `=` behind the name of a secret, or the `:` of a member of JSON.
    Named,
    /// An HTTP field whose whole value is a secret.
    Field,
}

/// The characters that follow a prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tail {
    /// Letters and digits.
    Alphanumeric,
    /// Capitals and digits.
    Capitals,
    /// Letters, digits, `-` and `_`.
    Dashed,
    /// Dashed characters with a capital among them, unlike names in snake case.
    WithCapital,
}

impl SecretShape {
    /// Returns true if the anchor matches only in the case that it is listed in.
    pub(crate) fn has_case(self) -> bool {
        matches!(self, Self::Jwt | Self::Prefixed(..))
    }

    /// Returns the place of the secret that begins with `anchor` or follows it.
    pub(crate) fn secret(self, text: &[u8], anchor: Range<usize>, form: TextFormat) -> Option<Range<usize>> {
        match self {
            Self::Jwt => jwt(text, anchor),
            Self::Bearer => named::bearer(text, anchor),
            Self::Basic => named::basic(text, anchor),
            Self::PrivateKey => private_key(text, anchor),
            Self::UserInfo => user_info(text, anchor.end),
            Self::Prefixed(tail, least) => prefixed(text, anchor, tail, least),
            Self::Named => named::value(text, anchor, form),
            Self::Field => named::field(text, anchor, form),
        }
    }
}

/// Returns the place of a JWT. `eyJ` is `{"` in base64url. The shortest header, `{"alg":"none"}`, has 19
/// characters; a prefix of up to 16 reveals nothing.
fn jwt(text: &[u8], anchor: Range<usize>) -> Option<Range<usize>> {
    const LEAST: usize = 17;
    if !begins_word(text, anchor.start) {
        return None;
    }
    let first = run(text, anchor.start, is_base64url);
    if first - anchor.start < LEAST {
        return None;
    }
    let mut end = first;
    while text.get(end) == Some(&b'.') {
        end = run(text, end + 1, is_base64url);
    }
    Some(anchor.start..end)
}

fn private_key(text: &[u8], anchor: Range<usize>) -> Option<Range<usize>> {
    /// The longest name of a kind of key, with room to spare.
    const LONGEST: usize = 48;
    const KIND: &[u8] = b"PRIVATE KEY";
    const DASHES: &[u8] = b"-----";
    let head = text.get(anchor.end..text.len().min(anchor.end + LONGEST))?;
    let dashes = find(head, DASHES)?;
    find(head.get(..dashes)?, KIND)?;
    let begin = anchor.end + dashes + DASHES.len();
    let rest = text.get(begin..)?;
    // A key continues with a line break or its escape. Otherwise the text only mentions the line.
    if !matches!(rest.first(), Some(b' ' | b'\r' | b'\n' | b'\\')) {
        return None;
    }
    let end = find(rest, b"-----END ").map_or(text.len(), |at| begin + at);
    // A key has no quotes: those around it stay.
    Some(begin..quotable(text, begin).min(end))
}

/// Returns everything between `://` and the last `@` of a possible authority.
fn user_info(text: &[u8], start: usize) -> Option<Range<usize>> {
    let is_authority = |byte: u8| {
        !byte.is_ascii_whitespace()
            && !matches!(
                byte,
                b'/' | b'?' | b'#' | b'\\' | b'"' | b'\'' | b'`' | b'<' | b'>'
            )
    };
    let authority = text.get(start..run(text, start, is_authority))?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    Some(start..start + at)
}

fn prefixed(text: &[u8], anchor: Range<usize>, tail: Tail, least: usize) -> Option<Range<usize>> {
    if !begins_word(text, anchor.start) {
        return None;
    }
    let is_part = |byte: u8| match tail {
        Tail::Alphanumeric => byte.is_ascii_alphanumeric(),
        Tail::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        Tail::Dashed | Tail::WithCapital => is_base64url(byte),
    };
    let end = run(text, anchor.end, is_part);
    let found = text.get(anchor.end..end)?;
    let fits = !matches!(tail, Tail::WithCapital) || found.iter().any(u8::is_ascii_uppercase);
    (found.len() >= least && fits).then_some(anchor.start..end)
}

/// Returns true for the base64url alphabet (RFC 4648 section 5).
fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests;
