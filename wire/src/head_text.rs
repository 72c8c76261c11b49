//! Heads as the bytes of HTTP/1, and the text that frames chunks.

use crate::{Fields, HttpVersion, RequestHead, ResponseHead};

/// The end of a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// The most bytes of the line before a chunk's data.
pub const MAX_CHUNK_LINE: usize = 2 * size_of::<usize>() + 2;

/// Appends the head of an HTTP/1.1 request.
pub fn write_request_head(head: &RequestHead, out: &mut Vec<u8>) {
    for part in [head.method(), " ", head.target(), " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_fields(&head.fields, out);
}

/// Appends the head of an HTTP/1.1 response. A proxy sends its own version, whatever the client's is (RFC 9110 section
/// 6.2).
pub fn write_response_head(head: &ResponseHead, out: &mut Vec<u8>) {
    let status = head.status();
    let digit = |power: u16| b'0' + u8::try_from(status / power % 10).unwrap_or(0);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
    out.extend_from_slice(head.reason());
    out.extend_from_slice(b"\r\n");
    write_fields(&head.fields, out);
}

/// Appends the end of a chunked body: the last chunk and the trailers.
pub fn write_last_chunk(trailers: Option<&Fields>, out: &mut Vec<u8>) {
    match trailers {
        None => out.extend_from_slice(LAST_CHUNK),
        Some(trailers) => {
            out.extend_from_slice(b"0\r\n");
            write_fields(trailers, out);
        }
    }
}

/// Appends a chunk with its framing. There is no chunk for no data: it would end the body.
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let digits = (usize::BITS - data.len().leading_zeros()).div_ceil(4);
    for place in (0..digits).rev() {
        let digit = (data.len() >> (4 * place)) & 0xF;
        out.push(b"0123456789abcdef".get(digit).copied().unwrap_or(b'0'));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends fields and the empty line that ends them.
fn write_fields(fields: &Fields, out: &mut Vec<u8>) {
    fields.write_lines(out);
    out.extend_from_slice(b"\r\n");
}

/// Returns true if a connection stays open after a message with these fields (RFC 9112 section 9.3): by default with
/// HTTP/1.1, and with HTTP/1.0 if `Connection` says so.
#[must_use]
pub fn keeps_connection(version: HttpVersion, fields: &Fields) -> bool {
    let (mut close, mut keep) = (false, false);
    for value in fields.values("connection") {
        for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            close |= option.eq_ignore_ascii_case(b"close");
            keep |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    !close && (version >= HttpVersion::Http11 || keep)
}

#[cfg(test)]
mod tests {
    use super::{keeps_connection, write_chunk, write_last_chunk, write_request_head, write_response_head};
    use crate::{Fields, Framing, HttpVersion, RequestHead, ResponseHead};

    #[test]
    fn heads_are_written_as_they_were_read() {
        let limits = crate::HeadLimits {
            bytes: 200,
            fields: 4,
        };
        let text = b"POST /a?b HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n";
        let (mut request, mut out) = (RequestHead::default(), Vec::new());
        assert!(crate::read_head(text, limits, &mut request).unwrap().is_some());
        write_request_head(&request, &mut out);
        assert_eq!(out, text);
        let text = b"HTTP/1.1 404 Not Here\r\nContent-Length: 0\r\nX-Y: z\r\n\r\n";
        let mut response = ResponseHead::default();
        let read = crate::read_response(text, limits, "GET", &mut response).unwrap();
        assert_eq!(
            read.map(|read| (read.end, read.framing)),
            Some((text.len(), Framing::Empty))
        );
        out.clear();
        write_response_head(&response, &mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn chunks_have_their_size_in_hex() {
        for (length, line) in [(1, "1"), (15, "f"), (16, "10"), (4096, "1000")] {
            let (data, mut out) = (vec![b'x'; length], Vec::new());
            write_chunk(&data, &mut out);
            let expected = format!("{line}\r\n{}\r\n", "x".repeat(length));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        let mut out = Vec::new();
        write_chunk(b"", &mut out);
        write_last_chunk(None, &mut out);
        let trailers: Fields = [("a", &b"b"[..])].into_iter().collect();
        write_last_chunk(Some(&trailers), &mut out);
        assert_eq!(out, b"0\r\n\r\n0\r\na: b\r\n\r\n");
    }

    #[test]
    fn connection_is_kept_by_version_and_options() {
        use HttpVersion::{Http10, Http11};
        let cases: [(HttpVersion, &[&str], bool); 9] = [
            (Http11, &[], true),
            (Http11, &["x, Close"], false),
            (Http11, &["x", "close"], false),
            (Http11, &["close", "keep-alive"], false),
            (Http11, &["", "closed"], true),
            (Http10, &[], false),
            (Http10, &["Keep-Alive"], true),
            (Http10, &["keep-alive, close"], false),
            (Http10, &["x", "keep-alive"], true),
        ];
        for (version, lines, expected) in cases {
            let fields: Fields = lines.iter().map(|line| ("Connection", line.as_bytes())).collect();
            assert_eq!(
                keeps_connection(version, &fields),
                expected,
                "{version:?} {lines:?}"
            );
        }
    }
}
