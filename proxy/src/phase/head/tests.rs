use http::{HeaderMap, HeaderName, HeaderValue};

use super::{has_bare_line_feed, is_framed_clearly};

/// Says whether the framing of a head is clear, reading it as the HTTP layer does.
fn clear(head: &str) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    if headers.contains_key("transfer-encoding") {
        headers.remove("content-length");
    }
    is_framed_clearly(&headers, head.replace('\n', "\r\n").as_bytes())
}

#[test]
fn one_length_or_chunks_or_neither_is_clear() {
    for head in [
        "Host: a",
        "Content-Length: 0",
        "Content-Length: 12",
        "Transfer-Encoding: chunked",
    ] {
        assert!(clear(head), "{head}");
    }
    assert!(clear("Transfer-Encoding: Chunked\nX-Content-Length: 3"));
}

#[test]
fn a_length_that_could_be_read_in_two_ways_is_not_clear() {
    for head in [
        "Content-Length: 3\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\ncontent-LENGTH: 3",
        "Content-Length: 3\nContent-Length: 3",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: 0x3",
        "Content-Length: ",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
    ] {
        assert!(!clear(head), "{head}");
    }
}

#[test]
fn a_line_feed_alone_is_noticed() {
    assert!(!has_bare_line_feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(has_bare_line_feed(b"GET / HTTP/1.1\nHost: a\r\n\r\n"));
    assert!(has_bare_line_feed(b"GET / HTTP/1.1\r\nHost: a\r\n\n"));
    assert!(has_bare_line_feed(b"\nGET / HTTP/1.1\r\n\r\n"));
}
