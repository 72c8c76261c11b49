//! The client of a request behind trusted and untrusted proxies (edge.md section 6).

use testkit::{Proxy, ProxyBuilder, Recorded, Request, Upstream};

/// All headers that state the client, as a client may forge them.
const SAID: [(&str, &str); 7] = [
    ("X-Forwarded-For", "198.51.100.1, 192.0.2.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "shop.test"),
    ("X-Forwarded-Port", "forged"),
    ("Forwarded", "for=203.0.113.9;host=other.test"),
    ("X-Real-IP", "192.0.2.7"),
    ("X_Real_IP", "forged"),
];

fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: plain, match: /plain, upstream: api }")
        .route("{ name: german, match: /german, gate: german, auth: none, upstream: api }")
}

fn seen(upstream: &Upstream, proxy: &Proxy, said: &[(&str, &str)]) -> Recorded {
    let request = Request::get("/plain");
    let request = said
        .iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    assert_eq!(proxy.ask(&request).status, 200);
    upstream.last()
}

#[test]
fn untrusted_forwarding_headers_are_removed() {
    let upstream = Upstream::named("api");
    for rest in ["", "trusted_proxies: [10.0.0.0/8]"] {
        let proxy = builder(&upstream).with(rest).start();
        let seen = seen(&upstream, &proxy, &SAID);
        assert_eq!(seen.head.values("X-Forwarded-For"), ["127.0.0.1"]);
        assert_eq!(seen.head.values("X-Forwarded-Proto"), ["http"]);
        assert_eq!(seen.head.values("X-Forwarded-Host"), ["test"]);
        assert_eq!(
            seen.head.values("Forwarded"),
            ["for=127.0.0.1;host=\"test\";proto=http"]
        );
        for name in ["X-Forwarded-Port", "X-Real-IP", "X_Real_IP"] {
            assert_eq!(seen.header(name), None, "{name}");
        }
        assert_eq!(proxy.log(1)[0]["client"], "127.0.0.1");
    }
}

#[test]
fn trusted_forwarding_headers_are_extended() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]")
        .start();
    let seen = seen(&upstream, &proxy, &SAID);
    assert_eq!(seen.head.values("X-Forwarded-For"), ["192.0.2.7, 127.0.0.1"]);
    assert_eq!(seen.head.values("X-Forwarded-Proto"), ["https"]);
    assert_eq!(seen.head.values("X-Forwarded-Host"), ["shop.test"]);
    assert_eq!(
        seen.head.values("Forwarded"),
        ["for=192.0.2.7;host=\"shop.test\";proto=https, for=127.0.0.1;host=\"test\";proto=http"]
    );
    for name in ["X-Forwarded-Port", "X-Real-IP", "X_Real_IP"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(proxy.log(1)[0]["client"], "192.0.2.7");
}

#[test]
fn client_address_header_needs_a_proxy_that_overwrites_it() {
    let upstream = Upstream::named("api");
    let proxies = |networks: &str| {
        // A header that is also read is nevertheless that of the client, unless a proxy overwrites it.
        format!(
            "trusted_proxies: {{ networks: [{networks}], headers: [X-Real-IP, true-client-ip] }}\n\
             identity: {{ attributes: {{ country: {{ header: X-Real-IP }} }} }}"
        )
    };
    let said = [
        ("X-Real-IP", "192.0.2.7"),
        ("True-Client-IP", "192.0.2.8"),
        ("CF-Connecting-IP", "forged"),
        ("X_Real_IP", "forged"),
    ];
    let proxy = builder(&upstream).with(&proxies("127.0.0.1")).start();
    let trusted = seen(&upstream, &proxy, &said);
    assert_eq!(trusted.head.values("X-Real-IP"), ["192.0.2.7"]);
    assert_eq!(trusted.head.values("True-Client-IP"), ["192.0.2.8"]);
    for name in ["CF-Connecting-IP", "X_Real_IP"] {
        assert_eq!(trusted.header(name), None, "{name}");
    }
    let proxy = builder(&upstream).with(&proxies("10.0.0.1")).start();
    let untrusted = seen(&upstream, &proxy, &said);
    for (name, _) in said {
        assert_eq!(untrusted.header(name), None, "{name}");
    }
}

#[test]
fn only_the_configured_forwarding_header_is_read() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("trusted_proxies: { networks: [127.0.0.1], header: forwarded }")
        .start();
    let seen = seen(&upstream, &proxy, &SAID);
    assert_eq!(seen.head.values("X-Forwarded-For"), ["203.0.113.9, 127.0.0.1"]);
    assert_eq!(seen.head.values("X-Forwarded-Proto"), ["http"]);
    assert_eq!(seen.head.values("X-Forwarded-Host"), ["other.test"]);
}

#[test]
fn reload_changes_the_trusted_proxies() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).with("trusted_proxies: [10.0.0.1]").start();
    let said = [("X-Forwarded-For", "192.0.2.7")];
    assert_eq!(
        seen(&upstream, &proxy, &said).header("X-Forwarded-For"),
        Some("127.0.0.1")
    );
    let published = proxy.reload("sluice.yaml", "[10.0.0.1]", "[10.0.0.1, 127.0.0.1]");
    assert_eq!(published.needs_restart, Vec::<&str>::new());
    assert_eq!(
        seen(&upstream, &proxy, &said).header("X-Forwarded-For"),
        Some("192.0.2.7, 127.0.0.1")
    );
}

#[test]
fn a_flag_can_be_decided_by_the_clients_address() {
    let upstream = Upstream::named("api");
    let flags = "flags: { german: { kind: ops, rules: [ { when: { attribute: ip, ip_in: [192.0.2.0/24] }, serve: on } ] } }";
    let proxy = builder(&upstream)
        .flags(flags)
        .with("trusted_proxies: [127.0.0.1]\nidentity: { attributes: { ip: { client: address } } }")
        .start();
    let ask = |client: &str| {
        let request = Request::get("/german").header("X-Forwarded-For", client);
        proxy.ask(&request).status
    };
    assert_eq!(ask("192.0.2.7"), 200);
    assert_eq!(ask("192.0.2.7, 198.51.100.1"), 404);
    assert_eq!(ask("192.0.2.7, unknown"), 404);
}
