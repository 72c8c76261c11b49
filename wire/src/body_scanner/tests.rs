use super::{BodyScanner, InvalidBody};
use crate::Framing;

/// Feeds all bytes, at once and one by one, and compares the number of body bytes and the end with
/// `expected`.
#[track_caller]
fn check(framing: Framing, bytes: &str, expected: Result<(usize, bool), InvalidBody>) {
    let mut whole = BodyScanner::new(framing);
    let read = whole.take(bytes.as_bytes()).map(|taken| (taken, whole.is_done()));
    assert_eq!(read, expected, "{bytes:?}");
    let mut single = BodyScanner::new(framing);
    let mut taken = 0;
    for byte in bytes.as_bytes() {
        match single.take(&[*byte]) {
            Ok(one) => taken += one,
            Err(why) => return assert_eq!(Err(why), expected, "{bytes:?} byte by byte"),
        }
    }
    assert_eq!(Ok((taken, single.is_done())), expected, "{bytes:?} byte by byte");
}

#[test]
fn body_ends_at_its_content_length() {
    check(Framing::Empty, "next", Ok((0, true)));
    check(Framing::Length(3), "abcnext", Ok((3, true)));
    check(Framing::Length(9), "abcnext", Ok((7, false)));
}

#[test]
fn a_chunked_body_ends_with_its_last_chunk() {
    check(Framing::Chunked, "3\r\nabc\r\n0\r\n\r\nnext", Ok((13, true)));
    check(
        Framing::Chunked,
        "00A;x=\"y z\";q\r\n0123456789\r\n0\r\nA: b\r\n\r\nG",
        Ok((38, true)),
    );
    check(Framing::Chunked, "3\r\nabc\r\n", Ok((8, false)));
}

#[test]
fn ambiguous_chunked_body_is_rejected() {
    for (bytes, why) in [
        ("0x3\r\n", InvalidBody::Size),
        ("+3\r\n", InvalidBody::Size),
        (" 3\r\n", InvalidBody::Size),
        ("3 \r\n", InvalidBody::Size),
        ("\r\n", InvalidBody::Size),
        (";x\r\n", InvalidBody::Size),
        ("1_0\r\n", InvalidBody::Size),
        ("0000000003\r\n", InvalidBody::Size),
        ("fffffffffffffffff\r\n", InvalidBody::Size),
        ("3\n", InvalidBody::LineEnd),
        ("3;x\n", InvalidBody::LineEnd),
        ("3\rabc", InvalidBody::LineEnd),
        ("3;\0\r\n", InvalidBody::Extension),
        ("3\r\nabcd\r\n", InvalidBody::ChunkEnd),
        ("3\r\nabc\n", InvalidBody::ChunkEnd),
        ("3\r\nabc0\r\n", InvalidBody::ChunkEnd),
        ("0\r\nGET / HTTP/1.1\r\n", InvalidBody::Trailers),
        ("0\r\n x: y\r\n", InvalidBody::Trailers),
        ("0\r\nA: b\n\r\n", InvalidBody::LineEnd),
        ("0\r\n\n", InvalidBody::LineEnd),
        ("0\r\n\rX", InvalidBody::LineEnd),
    ] {
        check(Framing::Chunked, bytes, Err(why));
    }
    let long = format!("3;{}\r\n", "x".repeat(300));
    check(Framing::Chunked, &long, Err(InvalidBody::Extension));
    let long = format!("0\r\nA: {}\r\n", "x".repeat(9000));
    check(Framing::Chunked, &long, Err(InvalidBody::Trailers));
    let many = format!("0\r\n{}\r\n", "a:\r\n".repeat(257));
    check(Framing::Chunked, &many, Err(InvalidBody::Trailers));
    let most = format!("0\r\n{}\r\n", "a:\r\n".repeat(256));
    check(Framing::Chunked, &most, Ok((most.len(), true)));
}
