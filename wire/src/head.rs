//! Reading the head of an HTTP/1 request: complete, incomplete, or refused. The grammar is that of `httparse`; input
//! that it accepts and other readers read differently is refused here.

use std::mem::MaybeUninit;

use httparse::{Error, Header, Request, Status};

use crate::{HttpVersion, InvalidHead, RequestHead};

/// The most fields that a head may be allowed to have.
pub const MAX_HEADERS: usize = 256;
/// The most empty lines before a request line (RFC 9112 section 2.2 requires at least one to be ignored).
const MAX_EMPTY_LINES: usize = 4;

/// Limits of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// The most bytes, from the request line to the empty line at its end.
    pub bytes: usize,
    /// The most fields, at most [`MAX_HEADERS`].
    pub fields: usize,
}

/// A head that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadBounds {
    /// Offset of the request line: empty lines may precede it.
    pub start: usize,
    /// Offset of the head's end, where the body begins.
    pub end: usize,
    /// The framing of the body.
    pub framing: Framing,
}

/// The framing of a body (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// A body of this many bytes, at least one.
    Length(u64),
    /// A body in chunks.
    Chunked,
    /// A body that ends when the connection does; only in responses.
    UntilClose,
}

/// Reads the head at the beginning of `bytes` into `head`. Returns `None` if it is not complete; `head` is unchanged
/// then.
///
/// # Errors
/// The bytes can't become a head that all readers read alike. The error is returned as early as possible.
pub fn read_head(
    bytes: &[u8],
    limits: HeadLimits,
    head: &mut RequestHead,
) -> Result<Option<HeadBounds>, InvalidHead> {
    let start = skip_empty_lines(bytes)?;
    let rest = bytes.get(start..).unwrap_or_default();
    let limited = rest.get(..limits.bytes).unwrap_or(rest);
    // The array has its full size on the stack and is not initialised; httparse gets as many slots as the limit allows.
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let room = fields
        .get_mut(..limits.fields.min(MAX_HEADERS))
        .unwrap_or_default();
    let mut request = Request::new(&mut []);
    let end = match request.parse_with_uninit_headers(limited, room) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => {
            // The lines that have arrived are checked now: a head that can't become valid is refused before
            // its end.
            check_lines(limited)?;
            let limit = limits.bytes;
            let full = rest.len() >= limit;
            return if full {
                Err(InvalidHead::TooLarge { limit })
            } else {
                Ok(None)
            };
        }
        Err(error) => return Err(refusal(error, limited, limits)),
    };
    let text = limited.get(..end).unwrap_or_default();
    check_lines(text)?;
    let framing = framing(&request)?;
    check_target(&request)?;
    check_host(&request)?;
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(InvalidHead::RequestLine);
    };
    let version = match request.version {
        Some(0) => HttpVersion::Http10,
        _ => HttpVersion::Http11,
    };
    head.begin(method, target, version);
    head.fields.copy(text, request.headers);
    Ok(Some(HeadBounds {
        start,
        end: start + end,
        framing,
    }))
}

/// Returns true if no byte of a head has arrived: `bytes` are at most the empty lines that may precede it, the last
/// perhaps incomplete.
#[must_use]
pub fn is_before_head(bytes: &[u8]) -> bool {
    let mut lines = b"\r\n".iter().cycle();
    bytes.len() <= 2 * MAX_EMPTY_LINES && bytes.iter().all(|byte| lines.next() == Some(byte))
}

fn skip_empty_lines(bytes: &[u8]) -> Result<usize, InvalidHead> {
    let empty = bytes
        .chunks_exact(2)
        .take_while(|line| *line == b"\r\n")
        .take(MAX_EMPTY_LINES + 1)
        .count();
    if empty > MAX_EMPTY_LINES {
        return Err(InvalidHead::RequestLine);
    }
    let start = empty * 2;
    match bytes.get(start) {
        Some(b'\n') => Err(InvalidHead::LineEnd),
        Some(b'\r') if bytes.len() > start + 1 => Err(InvalidHead::LineEnd),
        _ => Ok(start),
    }
}

/// Checks that each CR is followed by LF and each LF preceded by CR. A CR at the end may still be followed by
/// one.
pub(crate) fn check_lines(bytes: &[u8]) -> Result<(), InvalidHead> {
    let following = bytes.get(1..).unwrap_or_default();
    // Without an early end, so that the compiler compares 16 pairs of bytes at once.
    let is_bare = bytes.iter().zip(following).fold(false, |is_bare, (byte, next)| {
        is_bare | ((*byte == b'\r') != (*next == b'\n'))
    });
    match is_bare || bytes.first() == Some(&b'\n') {
        true => Err(InvalidHead::LineEnd),
        false => Ok(()),
    }
}

fn refusal(error: Error, bytes: &[u8], limits: HeadLimits) -> InvalidHead {
    // A bare line end is reported as such, whatever httparse took it for: it is the usual sign of request
    // smuggling.
    if let Err(line_end) = check_lines(bytes) {
        return line_end;
    }
    match error {
        Error::TooManyHeaders => InvalidHead::TooManyFields { limit: limits.fields },
        Error::HeaderName => InvalidHead::FieldName,
        Error::HeaderValue => InvalidHead::FieldValue,
        Error::NewLine => InvalidHead::LineEnd,
        Error::Version => InvalidHead::Version,
        Error::Token | Error::Status => InvalidHead::RequestLine,
    }
}

fn values<'a>(request: &'a Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = move |field: &&Header<'_>| field.name.eq_ignore_ascii_case(name);
    request.headers.iter().filter(named).map(|field| field.value)
}

fn framing(request: &Request<'_, '_>) -> Result<Framing, InvalidHead> {
    let mut lengths = values(request, "content-length");
    let mut codings = values(request, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Empty),
        // A reader that prefers the one length ends the body elsewhere than a reader that prefers the other.
        (Some(_), Some(_)) => Err(InvalidHead::TwoLengths),
        (Some(length), None) => {
            let length = content_length(length).filter(|_| lengths.next().is_none());
            match length.ok_or(InvalidHead::ContentLength)? {
                0 => Ok(Framing::Empty),
                length => Ok(Framing::Length(length)),
            }
        }
        (None, Some(coding)) => {
            // HTTP/1.0 has no chunks (RFC 9112 section 6.1), and servers differ about any other coding or
            // list.
            let alone = codings.next().is_none() && request.version == Some(1);
            if alone && coding.eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::Chunked)
            } else {
                Err(InvalidHead::TransferEncoding)
            }
        }
    }
}

/// Digits alone, no more than fit.
pub(crate) fn content_length(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value)
        .ok()
        .filter(|_| digits)?
        .parse()
        .ok()
        .filter(|length| *length <= i64::MAX.unsigned_abs())
}

fn check_host(request: &Request<'_, '_>) -> Result<(), InvalidHead> {
    let mut hosts = values(request, "host");
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(InvalidHead::Host),
        (None, None) if request.version == Some(1) => return Err(InvalidHead::Host),
        (None, None) => return Ok(()),
        (Some(host), None) => host,
    };
    // Whatever else it may be, it is one host: no list, no user information, no path.
    if !host.iter().copied().all(is_host_character) {
        return Err(InvalidHead::Host);
    }
    // Byte by byte: a client that spells one host in two ways is suspicious enough.
    match authority(request.path.unwrap_or_default()) {
        Some(authority) if authority.as_bytes() != host => Err(InvalidHead::HostMismatch),
        _ => Ok(()),
    }
}

/// Returns true for a character that a host and its port may contain (RFC 3986 section 3.2.2).
fn is_host_character(byte: u8) -> bool {
    // In ranges, which are compared faster than a byte is searched in a text.
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']' | b'%')
        || matches!(byte, b'!' | b'$' | b'&'..=b'+' | b';' | b'=')
}

/// Refuses characters that no target has (RFC 3986 appendix A) and that HTTP/2 could not carry on.
fn check_target(request: &Request<'_, '_>) -> Result<(), InvalidHead> {
    let target = request.path.unwrap_or_default();
    let is_refused = |byte: u8| matches!(byte, b'<' | b'>' | b'`');
    let query = memchr::memchr(b'?', target.as_bytes()).and_then(|place| target.get(place..));
    if target.bytes().any(is_refused) || query.is_some_and(|query| query.bytes().any(|byte| byte == b'"')) {
        return Err(InvalidHead::RequestLine);
    }
    Ok(())
}

/// Returns the authority of an absolute target.
fn authority(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return None;
    }
    let (_, rest) = target.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

#[cfg(test)]
mod tests;
