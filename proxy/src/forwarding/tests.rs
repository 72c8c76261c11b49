use rules::{ForwardingHeader, Networks, TrustedProxies};
use wire::Fields;

use super::{ForwardedScheme, Forwarding, PeerTrust};

/// Returns the reading of these header lines from a peer, with 10.0.0.0/8 and fd00::/8 trusted.
fn read(header: ForwardingHeader, peer: &str, lines: &[(&'static str, &str)]) -> Forwarding {
    let fields: Fields = lines
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let proxies = TrustedProxies {
        networks: Networks::parse(["10.0.0.0/8", "fd00::/8"]).unwrap(),
        header,
        overwritten: Box::default(),
    };
    Forwarding::read(
        &fields,
        Some(peer.parse().unwrap()),
        ForwardedScheme::Http,
        &proxies,
    )
}

fn client(forwarding: &Forwarding) -> String {
    forwarding
        .client()
        .map_or("unknown".to_owned(), |ip| ip.to_string())
}

#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
    let found = read(ForwardingHeader::XForwarded, "10.0.0.1", &lines);
    assert_eq!(client(&found), expected, "{lines:?}");
}

#[track_caller]
fn check_forwarded(lines: &[&str], expected: &str) {
    let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
    let found = read(ForwardingHeader::Forwarded, "10.0.0.1", &lines);
    assert_eq!(client(&found), expected, "{lines:?}");
}

#[test]
fn client_is_the_rightmost_untrusted_address() {
    check(&[], "10.0.0.1");
    check(&["192.0.2.7"], "192.0.2.7");
    check(&["198.51.100.1, 192.0.2.7"], "192.0.2.7");
    check(&["198.51.100.1, 192.0.2.7, 10.0.0.9"], "192.0.2.7");
    check(&["198.51.100.1", "192.0.2.7", "10.0.0.9,10.0.0.8"], "192.0.2.7");
    check(&["10.0.0.7, 10.0.0.9"], "10.0.0.7");
}

#[test]
fn addresses_are_read_with_ports_brackets_and_empty_elements() {
    check(&["192.0.2.7:8080"], "192.0.2.7");
    check(&["[2001:db8::1]:443"], "2001:db8::1");
    check(&["[2001:db8::1]"], "2001:db8::1");
    check(&["2001:db8::1"], "2001:db8::1");
    check(&["192.0.2.7, , ,10.0.0.9,"], "192.0.2.7");
    check(&["192.0.2.7, fd00::1"], "192.0.2.7");
    check(&["192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7");
}

#[test]
fn client_is_unknown_if_a_trusted_proxy_omits_it() {
    for hidden in [
        "unknown",
        "_hidden",
        "192.0.2.7.8",
        "192.0.2.7 192.0.2.8",
        "\"192.0.2.7\"",
        "ä",
    ] {
        check(&[&format!("192.0.2.1, {hidden}")], "unknown");
        check(&[&format!("192.0.2.1, {hidden}, 10.0.0.9")], "unknown");
        check(&[&format!("{hidden}, 192.0.2.1")], "192.0.2.1");
    }
}

#[test]
fn the_search_for_the_client_is_bounded() {
    let proxies = vec!["10.0.0.9"; 100].join(",");
    check(&[&format!("192.0.2.7,{proxies}")], "10.0.0.9");
}

#[test]
fn forwarding_headers_of_untrusted_peers_are_ignored() {
    let lines = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=192.0.2.8"),
    ];
    for header in [ForwardingHeader::XForwarded, ForwardingHeader::Forwarded] {
        let found = read(header, "203.0.113.1", &lines);
        assert_eq!(
            (client(&found), found.peer),
            ("203.0.113.1".to_owned(), PeerTrust::Untrusted)
        );
    }
    assert_eq!(
        client(&read(ForwardingHeader::XForwarded, "10.0.0.1", &lines)),
        "192.0.2.7"
    );
    assert_eq!(
        client(&read(ForwardingHeader::Forwarded, "10.0.0.1", &lines)),
        "192.0.2.8"
    );
    assert_eq!(
        client(&read(ForwardingHeader::Forwarded, "::ffff:10.0.0.1", &lines)),
        "192.0.2.8"
    );
}

#[test]
fn forwarded_is_read_with_quotes_and_in_any_case() {
    check_forwarded(&["for=192.0.2.7"], "192.0.2.7");
    check_forwarded(&["For=\"192.0.2.7:80\" ; Proto=https"], "192.0.2.7");
    check_forwarded(&["proto=http;FOR=\"[2001:db8::1]:80\""], "2001:db8::1");
    check_forwarded(&["for=192.0.2.7;host=\"a, b; c\", for=10.0.0.9"], "192.0.2.7");
    check_forwarded(&["for=unknown"], "unknown");
    check_forwarded(&["for=192.0.2.7, for=\"_x\""], "unknown");
    check_forwarded(&["proto=https"], "unknown");
    check_forwarded(&["for=192.0.2.7;for=192.0.2.8"], "unknown");
}

#[test]
fn an_open_quote_of_a_client_hides_no_later_element() {
    check_forwarded(&["for=\"198.51.100.1, for=192.0.2.7"], "192.0.2.7");
    check_forwarded(&["for=\"198.51.100.1, for=\"[2001:db8::1]\""], "2001:db8::1");
    check_forwarded(
        &["for=\"", "for=192.0.2.7;host=\"a.test\", for=10.0.0.9"],
        "192.0.2.7",
    );
}

/// The headers that are written for that.
#[track_caller]
fn check_written(forwarding: &Forwarding, expected: [&str; 4]) {
    let mut fields: Fields = [("Host", &b"here.test"[..])].into_iter().collect();
    forwarding.write(&mut fields);
    let names = [
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
    ];
    let written = names.map(|name| {
        let value = fields.value(name).unwrap_or_default();
        std::str::from_utf8(value).unwrap()
    });
    assert_eq!(written, expected);
}

#[test]
fn trusted_forwarding_chain_is_extended_from_the_client() {
    let lines = [
        ("x-forwarded-for", "198.51.100.1, 2001:db8::1, 10.0.0.9"),
        ("x-forwarded-proto", "HTTPS"),
        ("x-forwarded-host", "shop.test:8443"),
    ];
    check_written(
        &read(ForwardingHeader::XForwarded, "10.0.0.1", &lines),
        [
            "2001:db8::1, 10.0.0.9, 10.0.0.1",
            "shop.test:8443",
            "https",
            "for=\"[2001:db8::1]\";host=\"shop.test:8443\";proto=https, for=10.0.0.9, \
             for=10.0.0.1;host=\"here.test\";proto=http",
        ],
    );
    let lines = [(
        "forwarded",
        "for=9.9.9.9, for=192.0.2.7;proto=https;host=shop.test",
    )];
    check_written(
        &read(ForwardingHeader::Forwarded, "10.0.0.1", &lines),
        [
            "192.0.2.7, 10.0.0.1",
            "shop.test",
            "https",
            "for=192.0.2.7;host=\"shop.test\";proto=https, for=10.0.0.1;host=\"here.test\";proto=http",
        ],
    );
}

#[test]
fn untrusted_forwarding_chain_is_replaced() {
    let lines = [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
    ];
    check_written(
        &read(ForwardingHeader::XForwarded, "203.0.113.1", &lines),
        [
            "203.0.113.1",
            "here.test",
            "http",
            "for=203.0.113.1;host=\"here.test\";proto=http",
        ],
    );
    check_written(
        &read(
            ForwardingHeader::XForwarded,
            "10.0.0.1",
            &[("x-forwarded-for", "unknown")],
        ),
        [
            "unknown, 10.0.0.1",
            "here.test",
            "http",
            "for=unknown;host=\"here.test\";proto=http, for=10.0.0.1;host=\"here.test\";proto=http",
        ],
    );
}

#[test]
fn proto_and_host_lists_are_read_at_the_client_position() {
    let lines = [
        ("x-forwarded-for", "192.0.2.7, 10.0.0.9"),
        ("x-forwarded-proto", "ftp, https, http"),
        ("x-forwarded-host", "evil.test, shop.test, inner.test"),
    ];
    let found = read(ForwardingHeader::XForwarded, "10.0.0.1", &lines);
    assert_eq!(found.origin.proto, Some(ForwardedScheme::Https));
    assert_eq!(found.origin.host.as_deref(), Some("shop.test"));
    let lines = [("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a b")];
    let found = read(ForwardingHeader::XForwarded, "10.0.0.1", &lines);
    assert_eq!(found.origin, super::ForwardedOrigin::default());
}
