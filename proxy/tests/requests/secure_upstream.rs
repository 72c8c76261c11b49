//! TLS and HTTP/2 to upstreams: trusted authorities, client certificates, and separate pools.

use std::net::SocketAddr;

use testkit::{
    Authority, CertificatePair, H2Answer, H2Upstream, Proxy, ProxyBuilder, Request, TlsFront, Upstream,
};

use crate::upstream::echo;

fn to(yaml: &str, authority: &Authority) -> ProxyBuilder {
    Proxy::builder()
        .file("ca.pem", authority.pem().as_bytes())
        .upstream_at("api", yaml)
        .route("{ name: api, match: /**, upstream: api }")
}

fn trusting(address: SocketAddr, sni: &str) -> String {
    format!("{{ endpoints: [\"{address}\"], tls: {{ sni: {sni}, ca: ca.pem }} }}")
}

fn front(pair: &CertificatePair, upstream: &Upstream) -> TlsFront {
    TlsFront::new(pair, &["http/1.1"], None, upstream.address())
}

#[test]
fn an_upstream_with_a_valid_certificate_is_reused_by_name() {
    let (authority, upstream) = (Authority::new(), Upstream::named("secure"));
    let front = front(&authority.server(&["orders.internal"]), &upstream);
    let proxy = to(&trusting(front.address(), "orders.internal"), &authority).start();
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.ask(&Request::get("/")).text(), "secure");
    }
    assert_eq!(front.names(), [Some("orders.internal".to_owned())]);
    assert_eq!(upstream.last().header("Host"), Some("test"));
}

#[test]
fn an_untrusted_certificate_is_a_502_with_its_reason_logged() {
    let (authority, other) = (Authority::new(), Authority::new());
    let upstream = Upstream::named("never");
    let cases = [
        // Both authorities have the same name.
        (other.server(&["orders.internal"]), "BadSignature"),
        (authority.server(&["others.internal"]), "not valid for name"),
        (authority.expired(&["orders.internal"]), "expired"),
    ];
    for (pair, why) in cases {
        let front = front(&pair, &upstream);
        let proxy = to(&trusting(front.address(), "orders.internal"), &authority).start();
        let refused = proxy.ask(&Request::get("/?token=secret"));
        assert_eq!(
            (refused.status, refused.code()),
            (502, "UPSTREAM_TLS_FAILED".to_owned()),
            "{why}"
        );
        let line = &proxy.log(1)[0];
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.contains(why) && !cause.contains("secret"), "{cause}");
        let failed = "sluice_upstream_attempts_total{upstream=\"api\",result=\"tls\"}";
        assert!(proxy.metric(failed) >= 1.0);
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn an_upstream_without_its_own_authority_needs_system_trust() {
    let (authority, upstream) = (Authority::new(), Upstream::named("never"));
    let front = front(&authority.server(&["orders.internal"]), &upstream);
    let yaml = format!(
        "{{ endpoints: [\"{}\"], tls: {{ sni: orders.internal }} }}",
        front.address()
    );
    let proxy = to(&yaml, &authority).start();
    assert_eq!(proxy.ask(&Request::get("/")).code(), "UPSTREAM_TLS_FAILED");
    let line = &proxy.log(1)[0];
    assert!(
        line["cause"].as_str().unwrap().contains("UnknownIssuer"),
        "{line}"
    );
}

#[test]
fn client_certificate_is_sent_to_the_configured_upstream() {
    let (authority, upstream) = (Authority::new(), Upstream::named("mutual"));
    let pair = authority.server(&["orders.internal"]);
    let front = TlsFront::new(&pair, &["http/1.1"], Some(&authority), upstream.address());
    let client = authority.client(&[testkit::ClientName::Dns("sluice.internal")]);
    let yaml = format!(
        "{{ endpoints: [\"{}\"], tls: {{ sni: orders.internal, ca: ca.pem, \
         client_certificate: {{ cert: us.pem, key: us.key }} }} }}",
        front.address()
    );
    let proxy = to(&yaml, &authority)
        .file("us.pem", client.cert.as_bytes())
        .file("us.key", client.key.as_bytes())
        .start();
    assert_eq!(proxy.get("/", "").text(), "mutual");
    assert_eq!(front.certificates(), [client.der()]);
    let without = to(&trusting(front.address(), "orders.internal"), &authority).start();
    assert_eq!(without.get("/", "").status, 502);
    assert_eq!(upstream.count(), 1);
}

#[test]
fn replaced_authority_applies_after_the_reload() {
    let (authority, other) = (Authority::new(), Authority::new());
    let upstream = Upstream::named("secure");
    let front = front(&authority.server(&["orders.internal"]), &upstream);
    let proxy = to(&trusting(front.address(), "orders.internal"), &authority).start();
    assert_eq!(proxy.get("/", "").text(), "secure");
    // The pooled connection was made with the former certificate.
    std::fs::write(proxy.folder().join("ca.pem"), other.pem()).unwrap();
    proxy.reload("flags.yaml", "default: on", "default: off");
    assert_eq!(proxy.get("/", "").code(), "UPSTREAM_TLS_FAILED");
    std::fs::write(proxy.folder().join("ca.pem"), authority.pem()).unwrap();
    proxy.reload("flags.yaml", "default: off", "default: on");
    assert_eq!(proxy.get("/", "").text(), "secure");
}

#[test]
fn websocket_is_forwarded_over_tls() {
    let authority = Authority::new();
    let upstream = echo();
    let front = front(&authority.server(&["orders.internal"]), &upstream);
    for protocol in ["http1", "http2"] {
        let yaml = format!(
            "{{ endpoints: [\"{}\"], protocol: {protocol}, tls: {{ sni: orders.internal, ca: ca.pem }} }}",
            front.address()
        );
        let proxy = to(&yaml, &authority).start();
        for _ in 0..20 {
            let mut client = proxy.connect();
            client.send(
                Request::get("/")
                    .header("Connection", "Upgrade")
                    .header("Upgrade", "websocket")
                    .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
                    .header("Sec-WebSocket-Version", "13")
                    .bytes(),
            );
            assert_eq!(client.response().status, 101, "{protocol}");
            client.send("a frame");
            assert_eq!(client.bytes(14), b"a framea frame", "{protocol}");
        }
    }
}

#[test]
fn http_2_upstream_uses_prior_knowledge_or_alpn() {
    let authority = Authority::new();
    let upstream =
        H2Upstream::answering(|request| H2Answer::new(200, &format!("{} bytes", request.body.len())));
    let pair = authority.server(&["orders.internal"]);
    let front = TlsFront::new(&pair, &["h2"], None, upstream.address());
    let plain = format!("{{ endpoints: [\"{}\"], protocol: http2 }}", upstream.address());
    let secure = format!(
        "{{ endpoints: [\"{}\"], protocol: http2, tls: {{ sni: orders.internal, ca: ca.pem }} }}",
        front.address()
    );
    for yaml in [&plain, &secure] {
        let proxy = to(yaml, &authority).start();
        let mut client = proxy.connect();
        assert_eq!(client.ask(&Request::get("/a?b=c")).text(), "0 bytes", "{yaml}");
        let body = vec![b'x'; 100_000];
        assert_eq!(
            client.ask(&Request::post("/", body)).text(),
            "100000 bytes",
            "{yaml}"
        );
        let seen = &upstream.requests()[upstream.requests().len() - 2];
        assert_eq!(
            (
                seen.method.as_str(),
                seen.target.as_str(),
                seen.authority.as_deref()
            ),
            ("GET", "/a?b=c", Some("test")),
            "{yaml}"
        );
        assert!(seen.header("x-request-id").is_some() && seen.header("connection").is_none());
    }
    // Requests share the connection.
    assert_eq!(front.handshakes(), 1);
}

#[test]
fn an_http_2_upstream_that_speaks_http_1_is_invalid() {
    let (authority, upstream) = (Authority::new(), Upstream::named("one"));
    // It agrees on no protocol.
    let front = TlsFront::new(
        &authority.server(&["orders.internal"]),
        &[],
        None,
        upstream.address(),
    );
    let plain = format!("{{ endpoints: [\"{}\"], protocol: http2 }}", upstream.address());
    let secure = format!(
        "{{ endpoints: [\"{}\"], protocol: http2, tls: {{ sni: orders.internal, ca: ca.pem }} }}",
        front.address()
    );
    for yaml in [plain, secure] {
        let proxy = to(&yaml, &authority).start();
        let refused = proxy.get("/", "");
        assert_eq!(
            (refused.status, refused.code()),
            (502, "UPSTREAM_INVALID".to_owned()),
            "{yaml}"
        );
    }
    let seen: Vec<_> = upstream
        .requests()
        .iter()
        .map(|seen| seen.method().to_owned())
        .collect();
    // The preface of HTTP/2 looks like requests.
    assert!(!seen.contains(&"GET".to_owned()), "{seen:?}");
}

#[test]
fn an_http_2_upstream_without_alpn_is_invalid() {
    let (authority, upstream) = (Authority::new(), Upstream::named("one"));
    let pair = authority.server(&["orders.internal"]);
    let front = TlsFront::new(&pair, &[], None, upstream.address());
    let yaml = format!(
        "{{ endpoints: [\"{}\"], protocol: http2, tls: {{ sni: orders.internal, ca: ca.pem }} }}",
        front.address()
    );
    let proxy = to(&yaml, &authority).start();
    assert_eq!(proxy.get("/", "").code(), "UPSTREAM_INVALID");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_status_above_599_over_http_2_is_invalid() {
    let upstream = H2Upstream::answering(|request| {
        H2Answer::new(request.target.trim_start_matches('/').parse().unwrap(), "ok")
    });
    let yaml = format!("{{ endpoints: [\"{}\"], protocol: http2 }}", upstream.address());
    let proxy = to(&yaml, &Authority::new()).start();
    for (sent, status, code) in [
        ("/599", 599, None),
        ("/600", 502, Some("UPSTREAM_INVALID")),
        ("/999", 502, Some("UPSTREAM_INVALID")),
    ] {
        let answer = proxy.get(sent, "");
        assert_eq!(answer.status, status, "{sent}");
        assert_eq!(code.map(|_| answer.code()).as_deref(), code, "{sent}");
    }
}
