use super::{Framing, HeadBounds, HeadLimits};
use crate::{InvalidHead, RequestHead};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 200,
    fields: 4,
};

fn read_head(bytes: &[u8], limits: HeadLimits) -> Result<Option<HeadBounds>, InvalidHead> {
    super::read_head(bytes, limits, &mut RequestHead::default())
}

#[track_caller]
fn check(bytes: &str, expected: Result<Option<(usize, usize, Framing)>, InvalidHead>) {
    let read = read_head(bytes.as_bytes(), LIMITS);
    let read = read.map(|head| head.map(|head| (head.start, head.end, head.framing)));
    assert_eq!(read, expected, "{bytes:?}");
    if let Ok(Some((_, end, _))) = expected {
        for cut in 0..end {
            let part = &bytes.as_bytes()[..cut];
            assert_eq!(read_head(part, LIMITS), Ok(None), "{bytes:?} cut at {cut}");
        }
    }
}

#[track_caller]
fn refused(bytes: &str, why: InvalidHead) {
    check(bytes, Err(why));
}

#[test]
fn a_head_ends_at_its_empty_line() {
    check(
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest",
        Ok(Some((0, 27, Framing::Empty))),
    );
    check(
        "\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        Ok(Some((4, 22, Framing::Empty))),
    );
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        Ok(Some((0, 47, Framing::Length(5)))),
    );
    check(
        "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n",
        Ok(Some((0, 56, Framing::Chunked))),
    );
    check(
        "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
        Ok(Some((0, 36, Framing::Empty))),
    );
}

#[test]
fn ambiguous_body_framing_is_rejected() {
    let post = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        refused(&post(fields), InvalidHead::TwoLengths);
    }
    for fields in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 5 5",
        "Content-Length: 99999999999999999999",
    ] {
        refused(&post(fields), InvalidHead::ContentLength);
    }
    for fields in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:",
    ] {
        refused(&post(fields), InvalidHead::TransferEncoding);
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    refused(old, InvalidHead::TransferEncoding);
}

#[test]
fn ambiguous_line_breaks_are_rejected() {
    for head in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        refused(head, InvalidHead::LineEnd);
    }
    for head in [
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHo st: a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    ] {
        refused(head, InvalidHead::FieldName);
    }
    refused("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", InvalidHead::FieldValue);
    for head in [
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET\t/ HTTP/1.1\r\n\r\n",
        "\r\n\r\n\r\n\r\n\r\nG",
    ] {
        let read = read_head(head.as_bytes(), LIMITS);
        assert!(
            matches!(read, Err(InvalidHead::RequestLine | InvalidHead::Version)),
            "{head:?}: {read:?}"
        );
    }
    for head in [
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/0.9\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
    ] {
        refused(head, InvalidHead::Version);
    }
}

#[test]
fn head_needs_one_host_equal_to_the_target() {
    refused("GET / HTTP/1.1\r\n\r\n", InvalidHead::Host);
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", InvalidHead::Host);
    refused(
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        InvalidHead::HostMismatch,
    );
    refused(
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        InvalidHead::HostMismatch,
    );
}

#[test]
fn head_over_its_limits_is_not_scanned() {
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(200));
    refused(&long, InvalidHead::TooLarge { limit: 200 });
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(4));
    refused(&many, InvalidHead::TooManyFields { limit: 4 });
}

#[test]
fn empty_lines_do_not_begin_a_head() {
    for bytes in ["", "\r", "\r\n", "\r\n\r", "\r\n\r\n\r\n\r\n"] {
        assert!(super::is_before_head(bytes.as_bytes()), "{bytes:?}");
    }
    for bytes in ["\n", "\r\r", "\r\nG", "G", "\r\n\r\n\r\n\r\n\r"] {
        assert!(!super::is_before_head(bytes.as_bytes()), "{bytes:?}");
    }
}
