//! A reader of HTTP/1 messages that works line by line on complete input: slow, plain, and independent of `wire`, whose
//! results are compared with its own.

use wire::{Fields, MAX_CHUNK_EXTENSION, MAX_HEADERS, MAX_TRAILERS};

/// A field's name and its value without the white space around it.
pub(crate) type PlainField<'b> = (&'b [u8], &'b [u8]);

/// A head that is complete.
#[derive(Debug)]
pub(crate) struct PlainHead<'b> {
    /// The request line or status line.
    pub(crate) start_line: &'b [u8],
    pub(crate) fields: Vec<PlainField<'b>>,
    /// Offset of the head's end.
    pub(crate) end: usize,
}

/// A chunked body that is complete.
#[derive(Debug)]
pub(crate) struct PlainBody<'b> {
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Vec<PlainField<'b>>,
    /// Offset of the body's end.
    pub(crate) end: usize,
}

impl PlainHead<'_> {
    /// Returns the values of a name, which is in lower case.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self
            .fields
            .iter()
            .filter(|(sent, _)| sent.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| *value).collect()
    }
}

/// Returns the head at the beginning of `bytes`; none if it is not complete or malformed.
pub(crate) fn head(bytes: &[u8]) -> Option<PlainHead<'_>> {
    let start_line = line(bytes)?;
    let (fields, end) = fields(bytes, start_line.len() + 2)?;
    Some(PlainHead {
        start_line,
        fields,
        end,
    })
}

/// Returns a chunked body; none if it is not complete or malformed.
pub(crate) fn chunked(bytes: &[u8]) -> Option<PlainBody<'_>> {
    let (mut at, mut data) = (0, Vec::new());
    loop {
        let line = line(&bytes[at..])?;
        at += line.len() + 2;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        let is_extension = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
        let fits = extension.is_empty() || extension[0] == b';' && extension.iter().all(is_extension);
        if digits.len() > 9 || extension.len() > MAX_CHUNK_EXTENSION || !fits {
            return None;
        }
        let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            break;
        }
        let end = at.checked_add(usize::try_from(size).ok()?)?;
        if bytes.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        data.extend_from_slice(&bytes[at..end]);
        at = end + 2;
    }
    let (trailers, end) = fields(bytes, at)?;
    (end - at <= MAX_TRAILERS && trailers.len() <= MAX_HEADERS).then_some(PlainBody { data, trailers, end })
}

/// Returns the fields from `at` to the empty line, and the offset behind it.
fn fields(bytes: &[u8], mut at: usize) -> Option<(Vec<PlainField<'_>>, usize)> {
    let mut fields = Vec::new();
    loop {
        let line = line(&bytes[at..])?;
        at += line.len() + 2;
        if line.is_empty() {
            return Some((fields, at));
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let fits = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !is_token(name) || !value.iter().all(fits) {
            return None;
        }
        fields.push((name, trimmed(value)));
    }
}

/// Returns the bytes before the first CR LF; none if a bare CR or LF comes first.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    (bytes.get(end..end + 2)? == b"\r\n").then(|| &bytes[..end])
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns true for a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(of_token)
}

/// Asserts that `fields` are those of a plain reading: the same names and values, in order.
pub(crate) fn assert_same_fields(fields: &Fields, plain: &[PlainField<'_>]) {
    let fields: Vec<PlainField<'_>> = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value))
        .collect();
    assert_eq!(fields, plain, "the fields are those of the head");
}
