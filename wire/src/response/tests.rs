use super::read_response;
use crate::{Framing, HeadLimits, InvalidResponse, ResponseHead};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 200,
    fields: 4,
};

#[track_caller]
fn check(method: &str, text: &str, expected: Result<(u16, Framing), InvalidResponse>) {
    let mut head = ResponseHead::default();
    let read = read_response(text.as_bytes(), LIMITS, method, &mut head);
    let read = read.map(|bounds| (head.status(), bounds.expect("a whole head").framing));
    assert_eq!(read, expected, "{text:?}");
}

#[test]
fn framing_follows_status_method_and_fields() {
    let ok = |framing| Ok((200, framing));
    check("GET", "HTTP/1.1 200 OK\r\n\r\n", ok(Framing::UntilClose));
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ok(Framing::Empty),
    );
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        ok(Framing::Length(7)),
    );
    check(
        "GET",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n",
        ok(Framing::Chunked),
    );
    check(
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        ok(Framing::Empty),
    );
    check("HEAD", "HTTP/1.1 200 OK\r\n\r\n", ok(Framing::Empty));
}

#[test]
fn a_204_or_304_has_no_body_whatever_its_fields() {
    for fields in ["", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n"] {
        check(
            "GET",
            &format!("HTTP/1.1 204 No Content\r\n{fields}\r\n"),
            Ok((204, Framing::Empty)),
        );
        check(
            "GET",
            &format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n"),
            Ok((304, Framing::Empty)),
        );
    }
}

#[test]
fn equal_content_lengths_count_as_one() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\ncontent-length: 7\r\n\r\n";
    check("GET", two, Ok((200, Framing::Length(7))));
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 7, 7\r\n\r\n",
        Ok((200, Framing::Length(7))),
    );
    for fields in [
        "Content-Length: 7\r\nContent-Length: 8",
        "Content-Length: 7, 8",
        "Content-Length: +7",
        "Content-Length:",
        "Content-Length: 7,",
    ] {
        check(
            "GET",
            &format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"),
            Err(InvalidResponse::ContentLength),
        );
    }
}

#[test]
fn other_transfer_codings_and_two_lengths_are_refused() {
    for coding in [
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        "chunked, gzip",
        "xchunked",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n");
        check("GET", &text, Err(InvalidResponse::TransferEncoding));
    }
    check(
        "GET",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Err(InvalidResponse::TransferEncoding),
    );
    let both = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n";
    check("GET", both, Err(InvalidResponse::TwoLengths));
}

#[test]
fn malformed_heads_are_refused() {
    check("GET", "HTTP/1.1 200 OK\nA: b\n\n", Err(InvalidResponse::LineEnd));
    check("GET", "HTTP/1.1 099 OK\r\n\r\n", Err(InvalidResponse::StatusLine));
    check("GET", "HTTP/1.1 600 OK\r\n\r\n", Err(InvalidResponse::StatusLine));
    check("GET", "HTTP/2 200 OK\r\n\r\n", Err(InvalidResponse::Version));
    check(
        "GET",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        Err(InvalidResponse::StatusLine),
    );
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        Err(InvalidResponse::FieldName),
    );
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        Err(InvalidResponse::FieldName),
    );
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        Err(InvalidResponse::FieldValue),
    );
}
