//! HTTP/1 responses: an accepted head has one reading, however it is split, and a plain reader reads it alike.

use wire::{
    BodyScanner, Framing, HeadLimits, HttpVersion, InvalidResponse, ResponseBounds, ResponseHead,
    read_response, write_response_head,
};

use crate::plain_reader::{self, PlainHead, assert_same_fields};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 1024,
    fields: 16,
};
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// Checks the responses of a stream. The first byte is the offset at which a head is cut in two, the second selects the
/// method that is responded to; the rest is what an upstream sends.
pub fn response(data: &[u8]) {
    let [cut, method, stream @ ..] = data else { return };
    let method = METHODS[usize::from(*method) % METHODS.len()];
    let mut rest = stream;
    while let Some((head, bounds)) = read(rest, usize::from(*cut), method) {
        check_head(rest, &head, bounds, method);
        check_written(&head, method);
        let body = &rest[bounds.end..];
        let mut scanner = BodyScanner::new(bounds.framing);
        match scanner.take(body) {
            Ok(taken) if scanner.is_done() => rest = &body[taken..],
            _ => return,
        }
    }
}

/// Reads a head whole and cut at `cut`. The cut head must be incomplete or equal to the whole one.
fn read(bytes: &[u8], cut: usize, method: &str) -> Option<(ResponseHead, ResponseBounds)> {
    let read = |bytes| {
        let mut head = ResponseHead::default();
        let bounds = read_response(bytes, LIMITS, method, &mut head);
        (bounds, head)
    };
    let (whole, head) = read(bytes);
    let (part, part_head) = read(&bytes[..cut.min(bytes.len())]);
    match (whole, part) {
        (Ok(Some(whole)), Ok(None)) => assert!(cut < whole.end, "a whole head was not seen"),
        (Ok(Some(_)), part) => {
            assert_eq!(part, whole, "the same head twice");
            assert_same_head(&head, &part_head);
        }
        (Ok(None), part) => assert_eq!(part, Ok(None), "a part of what is not complete is not complete"),
        (Err(_), Ok(head)) => assert_eq!(head, None, "a head that was taken is taken, whatever follows"),
        (Err(_), Err(_)) => {}
    }
    match whole {
        Ok(Some(bounds)) => return Some((head, bounds)),
        Ok(None) => assert!(plain(bytes).is_none(), "a complete head was not seen"),
        Err(why) => {
            assert!(!why.to_string().is_empty());
            if let Some(plain) = plain(bytes) {
                assert_eq!(framing(&plain, method), Err(why), "a valid head was refused");
            }
        }
    }
    None
}

fn assert_same_head(one: &ResponseHead, other: &ResponseHead) {
    assert_eq!(one.status(), other.status());
    assert_eq!(one.reason(), other.reason());
    assert_eq!(one.fields, other.fields);
}

/// Returns the head within the limits, read the plain way.
fn plain(bytes: &[u8]) -> Option<PlainHead<'_>> {
    let head = plain_reader::head(bytes)?;
    let fits = head.end <= LIMITS.bytes && head.fields.len() <= LIMITS.fields;
    (fits && status_line(head.start_line).is_some()).then_some(head)
}

/// Returns the version, the status and the reason phrase.
fn status_line(line: &[u8]) -> Option<(HttpVersion, u16, &[u8])> {
    let (version, rest) = match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' ', rest @ ..] => (HttpVersion::Http10, rest),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', rest @ ..] => (HttpVersion::Http11, rest),
        _ => return None,
    };
    let (digits, reason) = rest.split_at_checked(3)?;
    let status = std::str::from_utf8(digits).ok()?;
    let status = status
        .parse()
        .ok()
        .filter(|_| digits.iter().all(u8::is_ascii_digit))?;
    let reason = match reason {
        [] => reason,
        [b' ', reason @ ..] => reason,
        _ => return None,
    };
    let fits = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    ((100..600).contains(&status) && reason.iter().all(fits)).then_some((version, status, reason))
}

/// Returns the framing, by the rules of RFC 9112 section 6.3 one after the other.
fn framing(head: &PlainHead<'_>, method: &str) -> Result<Framing, InvalidResponse> {
    let (version, status, _) = status_line(head.start_line).expect("a status line");
    let values = head.values("content-length");
    let lengths: Vec<&[u8]> = values
        .iter()
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let mut parsed = Vec::new();
    for length in lengths {
        let is_number = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(length).unwrap_or_default().parse::<i64>();
        let number = number.ok().filter(|_| is_number);
        parsed.push(number.ok_or(InvalidResponse::ContentLength)?);
    }
    if parsed.iter().any(|length| *length != parsed[0]) {
        return Err(InvalidResponse::ContentLength);
    }
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(Framing::Empty);
    }
    let codings = head.values("transfer-encoding");
    match (parsed.first(), &*codings) {
        (Some(_), [_, ..]) => Err(InvalidResponse::TwoLengths),
        (None, [coding]) if version == HttpVersion::Http11 && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked)
        }
        (None, [_, ..]) => Err(InvalidResponse::TransferEncoding),
        (Some(0), []) => Ok(Framing::Empty),
        (Some(length), []) => Ok(Framing::Length(length.unsigned_abs())),
        (None, []) => Ok(Framing::UntilClose),
    }
}

/// Compares an accepted head with the plain reading.
fn check_head(bytes: &[u8], head: &ResponseHead, bounds: ResponseBounds, method: &str) {
    let plain = plain(bytes).expect("a plain reader accepts it");
    assert_eq!(plain.end, bounds.end);
    let (version, status, reason) = status_line(plain.start_line).expect("a status line");
    assert_eq!((head.version(), head.status()), (version, status));
    // A phrase with a byte above ASCII is replaced by none.
    let reason = if reason.is_ascii() { reason } else { b"" };
    assert_eq!(head.reason(), reason);
    assert_same_fields(&head.fields, &plain.fields);
    assert_eq!(framing(&plain, method), Ok(bounds.framing));
}

/// Writes the head and reads it back. It is longer then, if names and values had no space between them.
fn check_written(head: &ResponseHead, method: &str) {
    let mut written = Vec::new();
    write_response_head(head, &mut written);
    let limits = HeadLimits {
        bytes: 2 * LIMITS.bytes,
        ..LIMITS
    };
    let mut again = ResponseHead::default();
    let bounds = read_response(&written, limits, method, &mut again);
    let bounds = bounds.expect("a written head is valid").expect("it is complete");
    assert_eq!(bounds.end, written.len());
    assert_same_head(head, &again);
}
