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
fn hop_by_hop_headers_end_here() {
    let lines = [
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Trailer", "X"),
        ("X-Kept", "1"),
    ];
    check(200, &lines, &["x-kept"]);
}

#[test]
fn what_the_upstream_names_in_connection_ends_here_too() {
    let lines = [("Connection", "close, X-Hop"), ("X-Hop", "1"), ("X-Kept", "1")];
    check(200, &lines, &["connection", "x-kept"]);
}

#[test]
fn framing_and_cookies_can_not_be_named_away() {
    let lines = [
        ("Connection", "Content-Length, Set-Cookie"),
        ("Content-Length", "3"),
        ("Set-Cookie", "a=b"),
    ];
    check(200, &lines, &["connection", "content-length", "set-cookie"]);
}

#[test]
fn a_switch_of_protocols_keeps_its_own() {
    check(
        101,
        &[("Connection", "Upgrade"), ("Upgrade", "websocket")],
        &["connection", "upgrade"],
    );
}
