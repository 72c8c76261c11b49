//! The single steps by which a server may change a path. A step returns `None` if it changes nothing. Each
//! shortens the path or leaves less to change, so that every sequence of steps ends.

use super::spelling::escaped_byte;

/// The byte for a slash that was decoded within a segment and does not separate segments. It does not occur
/// in UTF-8.
pub(crate) const KEPT_SLASH: u8 = 0xFF;

/// The escapes that are decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// `%XX`.
    Escapes,
    /// `%XX` and `%uXXXX`, in one pass.
    EscapesAndUnicode,
    /// `%XX`, after the path was split into segments.
    Segments,
}

/// The types of streams that files and folders of NTFS have.
const STREAM_TYPES: [&[u8]; 3] = [b"$DATA", b"$INDEX_ALLOCATION", b"$BITMAP"];

type Stepped = Option<Vec<u8>>;

fn changed(before: &[u8], after: Vec<u8>) -> Stepped {
    (after != before).then_some(after)
}

/// Makes every segment what `cut` makes of it.
fn each_segment(path: &[u8], cut: impl Fn(&[u8]) -> &[u8]) -> Stepped {
    let segments: Vec<&[u8]> = path.split(|&byte| byte == b'/').map(cut).collect();
    changed(path, segments.join(&b'/'))
}

/// Merges slashes: `/a//b` becomes `/a/b`.
pub(crate) fn merge(path: &[u8]) -> Stepped {
    let mut merged = path.to_vec();
    merged.dedup_by(|next, byte| *next == b'/' && *byte == b'/');
    changed(path, merged)
}

/// Removes dot segments (RFC 3986 section 5.2.4): after `//`, `..` removes the empty segment. With [`merge`]
/// before, paths are read like a file system.
pub(crate) fn resolve(path: &[u8]) -> Stepped {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut directory = false;
    for segment in path.split(|&byte| byte == b'/').skip(1) {
        directory = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if directory || kept.is_empty() {
        kept.push(b"");
    }
    let mut resolved = Vec::with_capacity(path.len());
    for segment in kept {
        resolved.push(b'/');
        resolved.extend_from_slice(segment);
    }
    changed(path, resolved)
}

/// Removes path parameters: `/a;x/b;y` becomes `/a/b`.
pub(crate) fn drop_params(path: &[u8]) -> Stepped {
    if !path.contains(&b';') {
        return None;
    }
    each_segment(path, |segment| before(segment, |byte| byte == b';'))
}

/// Cuts the path at the first of `ends`.
pub(crate) fn cut_at(path: &[u8], ends: &[u8]) -> Stepped {
    let cut = before(path, |byte| ends.contains(&byte));
    (cut.len() < path.len()).then(|| cut.to_vec())
}

fn before(text: &[u8], is_end: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|&byte| is_end(byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Replaces `\` by `/`.
pub(crate) fn turn_backslashes(path: &[u8]) -> Stepped {
    path.contains(&b'\\').then(|| {
        let turned = path.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte });
        turned.collect()
    })
}

fn is_trimmed(byte: u8) -> bool {
    matches!(byte, b'.' | b' ' | 0)
}

/// Trims dots, spaces and NULs at the end of segments: `/a. ./b` becomes `/a/b`. Segments `.` and `..` stay;
/// other segments of dots become empty.
pub(crate) fn trim(path: &[u8]) -> Stepped {
    each_segment(path, |segment| {
        if matches!(segment, b"." | b"..") {
            return segment;
        }
        let kept = segment
            .iter()
            .rposition(|&byte| !is_trimmed(byte))
            .map_or(0, |last| last + 1);
        segment.get(..kept).unwrap_or_default()
    })
}

/// Trims like [`trim`], but stops at `.` and `..`: `/..%20` climbs, once decoded.
pub(crate) fn trim_to_dots(path: &[u8]) -> Stepped {
    each_segment(path, |mut segment| {
        while let [rest @ .., last] = segment
            && is_trimmed(*last)
            && !matches!(segment, b"." | b"..")
        {
            segment = rest;
        }
        segment
    })
}

/// Trims only segments that become `.` or `..`: `/a%20/..%20` climbs, once decoded.
pub(crate) fn trim_dots(path: &[u8]) -> Stepped {
    each_segment(path, |segment| {
        let kept = segment.iter().rposition(|&byte| !matches!(byte, b' ' | 0));
        let bare = segment.get(..kept.map_or(0, |last| last + 1)).unwrap_or_default();
        if matches!(bare, b"." | b"..") {
            bare
        } else {
            segment
        }
    })
}

/// Trims every kind of space and control character as well, which only a second decoding brings to light.
pub(crate) fn trim_blanks(path: &[u8]) -> Stepped {
    each_segment(path, |segment| {
        let kept = segment.iter().rposition(|&byte| !matches!(byte, 0..=b' ' | 0x7F));
        segment.get(..kept.map_or(0, |last| last + 1)).unwrap_or_default()
    })
}

/// Removes NTFS stream names with their type: `/a::$DATA/b` becomes `/a/b`.
pub(crate) fn drop_streams(path: &[u8]) -> Stepped {
    if !path.contains(&b'$') {
        return None;
    }
    let colon = |text: &[u8]| text.iter().rposition(|&byte| byte == b':');
    each_segment(path, |segment| {
        let is_type = |last: &usize| {
            let end = segment.get(last + 1..).unwrap_or_default();
            STREAM_TYPES.iter().any(|known| end.eq_ignore_ascii_case(known))
        };
        let Some(last) = colon(segment).filter(is_type) else {
            return segment;
        };
        let name = segment.get(..last).unwrap_or_default();
        colon(name).and_then(|first| name.get(..first)).unwrap_or(name)
    })
}

/// Decodes every escape once, from left to right.
pub(crate) fn decode(path: &[u8], decoder: Decoder) -> Stepped {
    if !path.contains(&b'%') {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        if let Some(byte) = escaped_byte(path, at) {
            let kept = decoder == Decoder::Segments && byte == b'/';
            decoded.push(if kept { KEPT_SLASH } else { byte });
            at += 3;
        } else if decoder == Decoder::EscapesAndUnicode
            && let Some(code) = escaped_code(path, at)
        {
            push_character(&mut decoded, code);
            at += 6;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    changed(path, decoded)
}

/// Decodes until nothing changes. A decoded byte may complete an escape that began before it.
pub(crate) fn decode_fully(path: &[u8], decoder: Decoder) -> Stepped {
    if !path.contains(&b'%') {
        return None;
    }
    let mut decoded: Vec<u8> = Vec::with_capacity(path.len());
    for &byte in path {
        decoded.push(byte);
        while let Some(start) = decoded.len().checked_sub(3)
            && let Some(byte) = escaped_byte(&decoded, start)
        {
            decoded.truncate(start);
            decoded.push(byte);
        }
        if decoder == Decoder::EscapesAndUnicode
            && let Some(start) = decoded.len().checked_sub(6)
            && let Some(code) = escaped_code(&decoded, start)
        {
            decoded.truncate(start);
            push_character(&mut decoded, code);
        }
    }
    changed(path, decoded)
}

/// Replaces `%uXXXX`, overlong UTF-8 and full-width forms by the characters that they represent.
pub(crate) fn decode_unicode(path: &[u8]) -> Stepped {
    if path.is_ascii() && !path.windows(2).any(|pair| matches!(pair, b"%u" | b"%U")) {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        let rest = path.get(at..).unwrap_or_default();
        if let Some(code) = escaped_code(path, at) {
            push_character(&mut decoded, code);
            at += 6;
        } else if let Some((code, length)) = overlong(rest).or_else(|| full_width(rest)) {
            push_character(&mut decoded, code);
            at += length;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    changed(path, decoded)
}

/// Returns the code of the `%uXXXX` at `at`.
fn escaped_code(path: &[u8], at: usize) -> Option<u32> {
    let [b'%', b'u' | b'U', digits @ ..] = path.get(at..at + 6)? else {
        return None;
    };
    digits.iter().try_fold(0, |code, &digit| {
        Some(code << 4 | char::from(digit).to_digit(16)?)
    })
}

/// Returns the code and length of an overlong UTF-8 sequence at the start of `bytes`. After 0xC0 and 0xC1,
/// which start no valid sequence, a lenient decoder accepts any byte.
fn overlong(bytes: &[u8]) -> Option<(u32, usize)> {
    let (length, lead, least) = match *bytes.first()? {
        lead @ 0xC0..=0xC1 => (2, lead & 0x1F, 0x80),
        0xE0 => (3, 0, 0x800),
        0xF0 => (4, 0, 0x1_0000),
        0xF8 => (5, 0, 0x20_0000),
        0xFC => (6, 0, 0x400_0000),
        _ => return None,
    };
    let mut code = u32::from(lead);
    for &byte in bytes.get(1..length)? {
        if length > 2 && byte & 0xC0 != 0x80 {
            return None;
        }
        code = code << 6 | u32::from(byte & 0x3F);
    }
    (code < least).then_some((code, length))
}

/// Returns the code and length of a full-width form at the start of `bytes`.
fn full_width(bytes: &[u8]) -> Option<(u32, usize)> {
    let &[lead, second, third] = bytes.get(..3)? else {
        return None;
    };
    if lead & 0xF0 != 0xE0 {
        return None;
    }
    let code = u32::from(lead & 0x0F) << 12 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F);
    narrow(code).map(|code| (code, 3))
}

/// Returns the ASCII character that Windows substitutes for a wide one ("best fit").
fn narrow(code: u32) -> Option<u32> {
    match code {
        0xFF01..=0xFF5E => Some(code - 0xFEE0),
        0x2044 | 0x2215 => Some(u32::from(b'/')),
        0x2216 => Some(u32::from(b'\\')),
        _ => None,
    }
}

fn push_character(decoded: &mut Vec<u8>, code: u32) {
    let code = narrow(code).unwrap_or(code);
    push_utf8(
        decoded,
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    );
}

/// Folds case: all characters that are equal in some case become equal. This includes letters that share
/// their other case with another letter (`ſ` becomes `s`, the Kelvin sign `k`, `ß` `ss`).
pub(crate) fn fold(mut path: Vec<u8>) -> Vec<u8> {
    if path.is_ascii() {
        path.make_ascii_lowercase();
        return path;
    }
    let mut folded = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Lower-casing it alone would leave a combining dot behind.
            let character = if character == 'İ' { 'i' } else { character };
            character
                .to_lowercase()
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase)
                .for_each(|folding| push_utf8(&mut folded, folding));
        }
        folded.extend_from_slice(chunk.invalid());
    }
    folded
}

fn push_utf8(path: &mut Vec<u8>, character: char) {
    path.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
