//! The one spelling of a path: what is refused in it, and how the rest is written.
//! A path that is already spelled so is read once and borrowed.

use std::borrow::Cow;

use super::invalid::InvalidTarget;
use super::options::{EncodedSlash, MAX_PATH, MAX_PATH_SEGMENTS};

/// Upper-case digits, as RFC 3986 2.1 wants escapes written.
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The source of a path.
#[derive(Clone, Copy)]
pub(super) enum PathSource {
    /// A request's.
    Request(EncodedSlash),
    /// A route's pattern: without encoded slashes, and with literal braces.
    Pattern,
}

/// One character of a path as it was sent.
enum Piece {
    /// A character that was sent raw and may be.
    Plain(char),
    /// A character that no path may hold raw, sent raw.
    Illegal,
    /// An escape of a character that needs none, or of a slash that is to be decoded.
    Needless(char),
    /// An escape that stays, of one or (for a character beyond ASCII) several bytes.
    Escaped {
        /// The bytes that the escapes represent.
        bytes: [u8; 4],
        /// True if its digits are in upper case.
        upper: bool,
    },
}

/// A piece and its length in bytes of the path.
type SizedPiece = (Piece, usize);

/// Brings `path`, which begins with a slash and `start` bytes into the target, to its one spelling.
pub(super) fn respell(path: &str, start: usize, source: PathSource) -> Result<Cow<'_, str>, InvalidTarget> {
    if path.len() > MAX_PATH {
        return Err(InvalidTarget::PathTooLong { length: path.len() });
    }
    // Most paths need no change. They are checked in one pass and stay borrowed.
    let plain = path.bytes().all(|byte| is_path_character(char::from(byte)));
    let spelled = if plain {
        Cow::Borrowed(path)
    } else {
        spell(path, start, source)?
    };
    // Resolving comes after decoding: `%2E%2E` climbs like `..`.
    let resolved = if is_resolved(&spelled) {
        spelled
    } else {
        Cow::Owned(resolve(&spelled))
    };
    // Checked again, because escaping raw characters makes a path longer.
    check_limits(&resolved)?;
    Ok(resolved)
}

/// Rewrites every character in its normal form.
fn spell(path: &str, start: usize, source: PathSource) -> Result<Cow<'_, str>, InvalidTarget> {
    // An owned copy is begun at the first piece that has to be written otherwise.
    let mut respelled: Option<String> = None;
    let mut at = 0;
    while let Some((piece, length)) = next_piece(path, at, start, source)? {
        let sent = path.get(at..at + length).unwrap_or_default();
        let as_sent = matches!(piece, Piece::Plain(_) | Piece::Escaped { upper: true, .. });
        if !as_sent && respelled.is_none() {
            let mut copy = String::with_capacity(path.len() + 16);
            copy.push_str(path.get(..at).unwrap_or_default());
            respelled = Some(copy);
        }
        if let Some(copy) = &mut respelled {
            write(copy, &piece, sent);
        }
        at += length;
    }
    Ok(respelled.map_or(Cow::Borrowed(path), Cow::Owned))
}

/// Reads the piece that begins at `at`; none at the end.
fn next_piece(
    path: &str,
    at: usize,
    start: usize,
    source: PathSource,
) -> Result<Option<SizedPiece>, InvalidTarget> {
    let Some(found) = path.get(at..).and_then(|rest| rest.chars().next()) else {
        return Ok(None);
    };
    if found == '%' {
        return next_escape(path, at, start, source).map(Some);
    }
    if found.is_control() || matches!(found, ' ' | '\\' | '#') {
        return Err(InvalidTarget::of_raw(found, start + at));
    }
    let brace = matches!(source, PathSource::Pattern) && matches!(found, '{' | '}');
    let plain = is_path_character(found) || brace;
    let piece = if plain {
        Piece::Plain(found)
    } else {
        Piece::Illegal
    };
    Ok(Some((piece, found.len_utf8())))
}

/// Reads the escape at `at`, and those after it that complete its UTF-8 sequence.
fn next_escape(path: &str, at: usize, start: usize, source: PathSource) -> Result<SizedPiece, InvalidTarget> {
    let place = start + at;
    let first = escaped_byte(path.as_bytes(), at).ok_or(InvalidTarget::Escape { at: place })?;
    // The widths of RFC 3629 section 3. 0xC0, 0xC1 and 0xF5 to 0xFF start no valid sequence; overlong forms
    // and surrogates of the other widths fail below.
    let width = match first {
        0x00..=0x7F => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Err(InvalidTarget::EncodedNotUtf8 { at: place }),
    };
    let mut bytes = [first, 0, 0, 0];
    for (nth, byte) in bytes.iter_mut().enumerate().take(width).skip(1) {
        // A sequence that ends early is not UTF-8, unless it ends in an escape that is none.
        let next = at + 3 * nth;
        *byte = match escaped_byte(path.as_bytes(), next) {
            Some(byte) => byte,
            None if path.get(next..).is_some_and(|rest| rest.starts_with('%')) => {
                return Err(InvalidTarget::Escape { at: start + next });
            }
            None => return Err(InvalidTarget::EncodedNotUtf8 { at: place }),
        };
    }
    let decoded = bytes
        .get(..width)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let Some(found) = decoded.and_then(|text| text.chars().next()) else {
        return Err(InvalidTarget::EncodedNotUtf8 { at: place });
    };
    let upper = !path
        .get(at..at + 3 * width)
        .is_some_and(|sent| sent.contains(|c: char| c.is_ascii_lowercase()));
    let piece = match found {
        '\0' => return Err(InvalidTarget::EncodedNul { at: place }),
        '\\' => return Err(InvalidTarget::EncodedBackslash { at: place }),
        found if found.is_control() => return Err(InvalidTarget::EncodedControl { at: place }),
        '/' => match source {
            PathSource::Request(EncodedSlash::Keep) => Piece::Escaped { bytes, upper },
            PathSource::Request(EncodedSlash::Decode) => Piece::Needless(found),
            PathSource::Request(EncodedSlash::Reject) | PathSource::Pattern => {
                return Err(InvalidTarget::EncodedSlash { at: place });
            }
        },
        found if is_unreserved(found) => Piece::Needless(found),
        _ => Piece::Escaped { bytes, upper },
    };
    Ok((piece, 3 * width))
}

/// Returns the bytes of a part of a normalised path, with every escape decoded once.
pub(crate) fn decoded_bytes(part: &[u8]) -> impl Iterator<Item = u8> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let raw = *part.get(at)?;
        let escaped = escaped_byte(part, at);
        at += if escaped.is_some() { 3 } else { 1 };
        Some(escaped.unwrap_or(raw))
    })
}

/// Returns the byte of the escape at `at`; `None` if there is no complete escape.
pub(super) fn escaped_byte(path: &[u8], at: usize) -> Option<u8> {
    let escape = path.get(at..at + 3)?;
    let &[b'%', high, low] = escape else {
        return None;
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Appends a piece in its normal form.
fn write(copy: &mut String, piece: &Piece, sent: &str) {
    match piece {
        Piece::Plain(found) | Piece::Needless(found) => copy.push(*found),
        Piece::Escaped { upper: true, .. } => copy.push_str(sent),
        Piece::Escaped { bytes, .. } => bytes
            .iter()
            .take(sent.len() / 3)
            .for_each(|&byte| escape(copy, byte)),
        Piece::Illegal => sent.bytes().for_each(|byte| escape(copy, byte)),
    }
}

/// Writes one byte as an escape.
fn escape(copy: &mut String, byte: u8) {
    copy.push('%');
    for digit in [byte >> 4, byte & 0x0F] {
        copy.push(
            HEX.get(usize::from(digit))
                .map_or('0', |&digit| char::from(digit)),
        );
    }
}

/// Returns true if the path has no dot segment and no empty segment except the last.
fn is_resolved(path: &str) -> bool {
    let mut segments = path.as_bytes().split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if matches!(segment, b"." | b"..") || segment.is_empty() && segments.peek().is_some() {
            return false;
        }
    }
    true
}

/// Merges repeated slashes, then removes dot segments (RFC 3986 section 5.2.4). Merging first reads
/// `/a//../b` as `/b`, like a file system.
fn resolve(path: &str) -> String {
    let mut resolved = String::with_capacity(path.len());
    let mut directory = true;
    for segment in path.split('/').skip(1) {
        directory = matches!(segment, "" | "." | "..");
        if segment == ".." {
            resolved.truncate(resolved.rfind('/').unwrap_or(0));
        } else if !directory {
            resolved.push('/');
            resolved.push_str(segment);
        }
    }
    if directory {
        resolved.push('/');
    }
    resolved
}

fn check_limits(path: &str) -> Result<(), InvalidTarget> {
    if path.len() > MAX_PATH {
        return Err(InvalidTarget::PathTooLong { length: path.len() });
    }
    let count = path
        .as_bytes()
        .split(|&byte| byte == b'/')
        .skip(1)
        .filter(|segment| !segment.is_empty())
        .count();
    if count > MAX_PATH_SEGMENTS {
        return Err(InvalidTarget::TooManySegments { count });
    }
    Ok(())
}

/// Returns true for an unreserved character (RFC 3986 section 2.3).
fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

/// Returns true for a slash or a `pchar` other than an escape (RFC 3986 section 3.3).
fn is_path_character(c: char) -> bool {
    is_unreserved(c)
        || matches!(
            c,
            '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=' | ':' | '@' | '/'
        )
}
