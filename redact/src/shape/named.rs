//! Secrets that are found by the text before them: the scheme of a credential, or the name of a value.

use std::ops::Range;

use super::base64::decoded;
use super::run::{begins_word, quotable, run};
use crate::name::is_secret;
use crate::text_format::TextFormat;

/// Returns the token behind `Bearer`, unless it is a plain word (`Bearer realm="x"`, `bearer tokens`) or a
/// placeholder.
pub(super) fn bearer(text: &[u8], anchor: Range<usize>) -> Option<Range<usize>> {
    let token = credential(text, anchor)?;
    let found = text.get(token.clone())?;
    let word = trimmed(found, b"=.,;");
    let rest = word.get(1..).unwrap_or_default();
    let is_plain = word.len() < 16 && rest.iter().all(u8::is_ascii_lowercase);
    (!is_plain && !is_placeholder(word)).then_some(token)
}

/// Returns true for a placeholder of a token in instructions: `Bearer TOKEN`, `ACCESS_TOKEN`.
fn is_placeholder(word: &[u8]) -> bool {
    const LONGEST: usize = 16;
    let is_part = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    word.len() <= LONGEST && word.ends_with(b"TOKEN") && word.iter().all(is_part)
}

/// Returns the base64 of a user and a password behind `Basic`.
pub(super) fn basic(text: &[u8], anchor: Range<usize>) -> Option<Range<usize>> {
    let credential = credential(text, anchor)?;
    let decoded = decoded(text.get(credential.clone())?)?;
    decoded.contains(&b':').then_some(credential)
}

/// Returns the token68 behind a scheme (RFC 9110 section 11.4). The blanks before it may be percent-encoded.
fn credential(text: &[u8], scheme: Range<usize>) -> Option<Range<usize>> {
    if !begins_word(text, scheme.start) {
        return None;
    }
    let mut start = scheme.end;
    loop {
        start = match text.get(start..)? {
            [b' ' | b'\t' | b'+', ..] => start + 1,
            [b'%', b'2', b'0', ..] => start + 3,
            _ => break,
        };
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let end = run(text, start, is_part);
    (start > scheme.end && end > start).then_some(start..end)
}

/// Returns the value of an HTTP field: in quotes, or up to the end of the line.
pub(super) fn field(text: &[u8], name: Range<usize>, form: TextFormat) -> Option<Range<usize>> {
    let quote = Quote::at(text, name.end);
    let colon = run(text, name.end + quote.len(), |byte| byte == b' ');
    if !matches!(text.get(colon), Some(b':' | b'=')) {
        return None;
    }
    let start = run(text, colon + 1, |byte| byte == b' ');
    if let Some(value) = quoted(text, start, quote, form) {
        return Some(value);
    }
    let is_part = |byte: u8| !matches!(byte, b'\n' | b'\r' | b'"' | b'`' | b'\\');
    let end = run(text, start, is_part);
    let found = text.get(start..end)?;
    let is_instruction = match found.split_at_checked(b"Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => is_placeholder(token),
        _ => is_placeholder(found),
    };
    (!is_instruction).then_some(start..end)
}

/// Returns the value behind `name=`, or of a JSON member. A reference (`${NAME}`) is no secret.
pub(super) fn value(text: &[u8], anchor: Range<usize>, form: TextFormat) -> Option<Range<usize>> {
    let (name, quote) = name_before(text.get(..anchor.start)?);
    let separator = text.get(anchor.start)?;
    // A `:` behind a bare word is none of JSON. Its name, and with it the cost of comparing it, does not matter.
    if (*separator == b':' && quote == Quote::None) || !is_secret(name) {
        return None;
    }
    let value = match (separator, quote) {
        (b'=', _) => {
            let bare = || anchor.end..run(text, anchor.end, is_bare);
            quoted(text, anchor.end, quote, form).unwrap_or_else(bare)
        }
        (b':', Quote::Plain(_) | Quote::Escaped) => {
            // Numbers and objects are not masked: only strings hold secrets.
            quoted(text, run(text, anchor.end, |byte| byte == b' '), quote, form)?
        }
        _ => return None,
    };
    (!text.get(value.start..)?.starts_with(b"${")).then_some(value)
}

/// Returns the name that `text` ends with, and the quotes behind it.
fn name_before(text: &[u8]) -> (&[u8], Quote) {
    /// The longest name that is compared.
    const LONGEST: usize = 64;
    let before = text.get(text.len().saturating_sub(LONGEST)..).unwrap_or_default();
    let (before, quote) = match before {
        [before @ .., b'\\', b'"'] => (before, Quote::Escaped),
        [before @ .., quote @ (b'"' | b'\'')] => (before, Quote::Plain(*quote)),
        _ => (before, Quote::None),
    };
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let start = before
        .iter()
        .rposition(|byte| !is_part(byte))
        .map_or(0, |at| at + 1);
    (before.get(start..).unwrap_or_default(), quote)
}

/// Returns the text in the quotes that begin at `start`; `name` are the quotes behind its name. In a JSON
/// line an unescaped quote ends a member: it opens a value only behind the quotes of the member's name.
fn quoted(text: &[u8], start: usize, name: Quote, form: TextFormat) -> Option<Range<usize>> {
    match (Quote::at(text, start), name, form) {
        (Quote::None, ..) => None,
        (Quote::Plain(b'"'), name, TextFormat::Json) if name != Quote::Plain(b'"') => None,
        (Quote::Plain(b'\''), _, TextFormat::Json) => {
            let is_part = |byte: u8| !matches!(byte, b'\'' | b'"' | b'\\');
            Some(start + 1..run(text, start + 1, is_part))
        }
        (Quote::Plain(quote), ..) => Some(start + 1..closing(text, start + 1, quote)),
        (Quote::Escaped, ..) => Some(start + 2..quotable(text, start + 2)),
    }
}

/// Returns true for the bytes of a value without quotes.
fn is_bare(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"&;,\"'`<>(){}[]\\".contains(&byte)
}

/// The quotes at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    /// This one.
    Plain(u8),
    /// `\"`, of JSON within JSON.
    Escaped,
}

impl Quote {
    fn at(text: &[u8], at: usize) -> Self {
        match text.get(at..).unwrap_or_default() {
            [quote @ (b'"' | b'\''), ..] => Self::Plain(*quote),
            [b'\\', b'"', ..] => Self::Escaped,
            _ => Self::None,
        }
    }

    fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Plain(_) => 1,
            Self::Escaped => 2,
        }
    }
}

/// Returns the end of a quoted text that begins at `start`, or of its line.
fn closing(text: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start;
    loop {
        at += match text.get(at) {
            None | Some(b'\n') => return at.min(text.len()),
            Some(byte) if *byte == quote => return at,
            Some(b'\\') => 2,
            Some(_) => 1,
        };
    }
}

/// Returns the slice without these bytes at its end.
fn trimmed<'t>(text: &'t [u8], bytes: &[u8]) -> &'t [u8] {
    let end = text.iter().rposition(|byte| !bytes.contains(byte));
    text.get(..end.map_or(0, |at| at + 1)).unwrap_or_default()
}
