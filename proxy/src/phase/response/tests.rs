use pingora::http::ResponseHeader;

use super::remove_hop_by_hop;

#[track_caller]
fn check(status: u16, lines: &[(&'static str, &'static str)], expected: &[&str]) {
    let mut response = ResponseHeader::build(status, None).unwrap();
    for (name, value) in lines {
        response.append_header(*name, *value).unwrap();
    }
    remove_hop_by_hop(&mut response);
    let mut names: Vec<_> = response.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn hop_by_hop_response_headers_are_removed() {
    let lines = [
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Trailer", "X"),
        ("X-Kept", "1"),
    ];
    check(200, &lines, &["x-kept"]);
}

#[test]
fn response_headers_named_in_connection_are_removed() {
    let lines = [("Connection", "close, X-Hop"), ("X-Hop", "1"), ("X-Kept", "1")];
    check(200, &lines, &["connection", "x-kept"]);
}

#[test]
fn connection_can_not_remove_framing_or_cookies() {
    let lines = [
        ("Connection", "Content-Length, Set-Cookie"),
        ("Content-Length", "3"),
        ("Set-Cookie", "a=b"),
    ];
    check(200, &lines, &["connection", "content-length", "set-cookie"]);
}

#[test]
fn protocol_switch_keeps_connection_and_upgrade() {
    check(
        101,
        &[("Connection", "Upgrade"), ("Upgrade", "websocket")],
        &["connection", "upgrade"],
    );
}
