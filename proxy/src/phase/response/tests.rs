use wire::{HttpVersion, ResponseHead};

use super::filter_fields;
use crate::findings::{DecisionHeaders, Findings};
use crate::injected_headers::{InjectedHeaders, ResponseHeader};
use crate::rendered_flags::Rendered;

fn injected(response: Option<&str>) -> InjectedHeaders {
    InjectedHeaders {
        tenant: None,
        user: None,
        flags: None,
        per_flag: [].into(),
        revision: None,
        request_id: None,
        signature: None,
        response: response.map(|name| ResponseHeader {
            name: name.into(),
            vary: "Authorization".into(),
        }),
    }
}

fn head(status: u16, lines: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead::default();
    head.begin(status, b"", HttpVersion::Http11);
    for (name, value) in lines {
        head.fields.push(name, value.as_bytes());
    }
    head
}

#[track_caller]
fn check(status: u16, lines: &[(&str, &str)], expected: &[&str]) {
    let mut head = head(status, lines);
    filter_fields(&mut head, &injected(None), &Findings::default());
    let mut names: Vec<_> = head
        .fields
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
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
    check(200, &lines, &["x-kept"]);
}

#[test]
fn connection_can_not_remove_framing_or_cookies() {
    let lines = [
        ("Connection", "Content-Length, Set-Cookie"),
        ("Content-Length", "3"),
        ("Set-Cookie", "a=b"),
    ];
    check(200, &lines, &["content-length", "set-cookie"]);
}

#[test]
fn protocol_switch_keeps_connection_and_upgrade() {
    check(
        101,
        &[("Connection", "Upgrade"), ("Upgrade", "websocket")],
        &["connection", "upgrade"],
    );
}

#[test]
fn only_the_proxy_lists_flags_for_a_client() {
    for (flags, expected) in [(Some("board"), vec![&b"board"[..]]), (None, vec![])] {
        let mut head = head(200, &[("x-flags", "forged"), ("X-Flags", "again")]);
        let decided = DecisionHeaders {
            flags: flags.map(str::to_owned),
            ..DecisionHeaders::default()
        };
        let found = Findings {
            headers: Rendered::Own(decided),
            flags_vary: true,
            ..Findings::default()
        };
        filter_fields(&mut head, &injected(Some("X-Flags")), &found);
        assert_eq!(head.fields.values("x-flags").collect::<Vec<_>>(), expected);
    }
}

#[test]
fn only_final_responses_with_flags_of_a_caller_are_private() {
    for (status, flags_vary, expected) in [
        (200, true, &[&b"private"[..]][..]),
        (304, true, &[b"private"]),
        (200, false, &[]),
        (103, true, &[]),
        (101, true, &[]),
    ] {
        let mut head = head(status, &[]);
        let found = Findings {
            flags_vary,
            ..Findings::default()
        };
        filter_fields(&mut head, &injected(Some("X-Flags")), &found);
        let values = head.fields.values("cache-control").collect::<Vec<_>>();
        assert_eq!(values, expected, "{status} {flags_vary}");
    }
}
