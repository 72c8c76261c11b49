//! TLS on listeners: the certificate for each name, its change under open connections, and client certificates
//! (edge.md sections 4 and 9).

use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use testkit::{After, Authority, Client, ClientName, Proxy, ProxyBuilder, Request, Upstream, eventually};

use crate::upstream::echo;

const TLS: &str = "tls: { certificates: [ { cert: a.pem, key: a.key } ] }";

fn gated(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
        .route("{ name: open, match: /open/**, upstream: api }")
}

/// Builds a proxy with a certificate for `a.test`.
fn encrypted(authority: &Authority, upstream: &Upstream) -> ProxyBuilder {
    encrypted_by(authority, upstream, TLS)
}

fn encrypted_by(authority: &Authority, upstream: &Upstream, tls: &str) -> ProxyBuilder {
    gated(upstream)
        .listening(tls)
        .pair("a", &authority.server(&["a.test"]))
}

#[test]
fn tls_1_2_and_tls_1_3_are_served() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = encrypted(&authority, &upstream).start();
    for version in [&TLS12, &TLS13] {
        let client = authority.trusted_over("a.test", &["http/1.1"], None, &[version]);
        let mut client = proxy.connect_tls(&client);
        assert_eq!(client.protocol(), Some(&b"http/1.1"[..]));
        for _ in 0..2 {
            let answer = client.ask(&Request::get("/board").token(&proxy.token("acme")));
            assert_eq!(answer.text(), "api");
        }
        let refused = client.ask(&Request::get("/board").token(&proxy.token("globex")));
        assert_eq!((refused.status, refused.code()), (404, "NOT_FOUND".to_owned()));
        assert_eq!(
            client.ask(&Request::post("/open/x", vec![b'x'; 100_000])).status,
            200
        );
    }
    let seen = upstream.last();
    assert_eq!(seen.body.len(), 100_000);
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert!(
        seen.header("forwarded")
            .is_some_and(|line| line.contains("proto=https"))
    );
    assert_eq!(proxy.metric("sluice_tls_handshakes_total{result=\"ok\"}"), 2.0);
}

#[test]
fn tls_version_below_the_minimum_is_rejected() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = encrypted_by(
        &authority,
        &upstream,
        "tls: { certificates: [ { cert: a.pem, key: a.key } ], min_version: \"1.3\" }",
    )
    .start();
    let old = authority.trusted_over("a.test", &[], None, &[&TLS12]);
    assert!(Client::try_connect_tls(proxy.address(), &old).is_err());
    let new = authority.trusted_over("a.test", &[], None, &[&TLS13]);
    assert_eq!(proxy.connect_tls(&new).ask(&Request::get("/open/x")).status, 200);
    proxy.await_metric("sluice_tls_handshakes_total{result=\"version\"}", 1.0);
}

#[test]
fn certificate_is_selected_by_sni_or_the_first_is_sent() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let names = ["a", "b", "star"];
    let pairs = [
        authority.server(&["a.test"]),
        authority.server(&["b.test", "x.b.test"]),
        authority.server(&["*.b.test"]),
    ];
    let mut builder = gated(&upstream).listening(
        "tls: { certificates: [ { cert: a.pem, key: a.key }, { cert: b.pem, key: b.key }, \
         { cert: star.pem, key: star.key } ] }",
    );
    for (name, pair) in names.iter().zip(&pairs) {
        builder = builder.pair(name, pair);
    }
    let proxy = builder.start();
    for (name, expected) in [("a.test", 0), ("b.test", 1), ("x.b.test", 1), ("y.b.test", 2)] {
        let shown = proxy
            .connect_tls(&authority.trusted_by(name, &[], None))
            .certificate();
        assert!(shown == pairs[expected].der(), "{name}");
    }
    // These clients get the first certificate, find that it is for another name, and refuse it.
    for name in ["c.test", "y.x.b.test", "127.0.0.1"] {
        let refused = Client::try_connect_tls(proxy.address(), &authority.trusted_by(name, &[], None));
        assert!(refused.is_err(), "{name}");
    }
    eventually("three refusals by clients", || {
        let refused = proxy.metric("sluice_tls_handshakes_total{result=\"refused_by_client\"}");
        (refused == 3.0).then_some(())
    });
}

#[test]
fn certificates_change_and_no_connection_is_dropped() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = encrypted(&authority, &upstream).start();
    let trusting = authority.trusted_by("a.test", &[], None);
    let mut before: Vec<Client> = (0..5).map(|_| proxy.connect_tls(&trusting)).collect();
    let old = before[0].certificate();
    let new = authority.server(&["a.test"]);
    std::fs::write(proxy.folder().join("a.pem"), &new.cert).unwrap();
    // A new certificate with the old key is refused, and nothing changes.
    let refused = proxy.try_reread().unwrap_err();
    assert!(
        refused.contains("does not belong to the certificate"),
        "{refused}"
    );
    assert_eq!(proxy.connect_tls(&trusting).certificate(), old);
    std::fs::write(proxy.folder().join("a.key"), &new.key).unwrap();
    assert!(proxy.try_reread().unwrap().needs_restart.is_empty());
    let fresh = authority.trusted_by("a.test", &[], None);
    assert_eq!(proxy.connect_tls(&fresh).certificate(), new.der());
    for client in &mut before {
        assert_eq!(client.ask(&Request::get("/open/x")).status, 200);
        assert_eq!(client.certificate(), old);
    }
    // A reload neither turns on TLS of a listener nor turns it off.
    let published = proxy.reload("sluice.yaml", &format!(", {TLS}"), "");
    assert_eq!(published.needs_restart, ["listeners"]);
    assert_eq!(
        proxy.connect_tls(&fresh).ask(&Request::get("/open/x")).status,
        200
    );
}

#[test]
fn returning_clients_resume_tls_sessions() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = encrypted(&authority, &upstream).start();
    let client = authority.trusted_by("a.test", &[], None);
    for is_resumed in [false, true] {
        let mut client = proxy.connect_tls(&client);
        assert_eq!(client.ask(&Request::get("/open/x")).status, 200);
        assert_eq!(client.is_resumed(), is_resumed);
    }
}

/// Starts a proxy that verifies client certificates against `clients` in this mode, and takes tenants from this
/// field.
fn mutual(authority: &Authority, clients: &Authority, upstream: &Upstream, mode: &str, place: &str) -> Proxy {
    encrypted_by(authority, upstream, &format!("tls: {{ certificates: [ {{ cert: a.pem, key: a.key }} ], client_certificates: {{ ca: ca.pem, mode: {mode} }} }}"))
        .file("ca.pem", clients.pem().as_bytes())
        .with(&format!("identity: {{ tenant: {{ client_cert: {place} }} }}"))
        .with("headers: { tenant: X-Tenant-Id }")
        .start()
}

#[test]
fn client_certificate_names_the_tenant_without_a_token() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let names = [
        ("san_dns", ClientName::Dns("acme")),
        ("san_uri", ClientName::Uri("acme")),
        ("cn", ClientName::Common("acme")),
    ];
    for (place, name) in names {
        let upstream = Upstream::named("api");
        let proxy = mutual(&authority, &clients, &upstream, "required", place);
        let certificate = clients.client(&[name]);
        let mut client = proxy.connect_tls(&authority.trusted_by("a.test", &[], Some(&certificate)));
        assert_eq!(client.ask(&Request::get("/board")).text(), "api", "{place}");
        assert_eq!(upstream.only().header("x-tenant-id"), Some("acme"), "{place}");
        assert_eq!(proxy.log(1)[0]["tenant"], "acme", "{place}");
        // A token takes precedence over the certificate, also an invalid one.
        let token = proxy.token("globex");
        assert_eq!(
            client.ask(&Request::get("/board").token(&token)).status,
            404,
            "{place}"
        );
        let refused = client.ask(&Request::get("/board").token("x.y.z"));
        assert_eq!(refused.status, 401, "{place}");
    }
}

#[test]
fn certificate_with_no_or_two_tenants_gets_403() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::named("api"));
    let proxy = mutual(&authority, &clients, &upstream, "required", "san_dns");
    let several = [ClientName::Dns("acme"), ClientName::Dns("globex")];
    for names in [
        &[ClientName::Common("acme")][..],
        &several,
        &[ClientName::Uri("acme")],
    ] {
        let certificate = clients.client(names);
        let mut client = proxy.connect_tls(&authority.trusted_by("a.test", &[], Some(&certificate)));
        let refused = client.ask(&Request::get("/board"));
        assert_eq!(
            (refused.status, refused.code()),
            (403, "TENANT_MISSING".to_owned()),
            "{names:?}"
        );
        assert_eq!(client.ask(&Request::get("/open/x")).status, 200, "{names:?}");
    }
}

#[test]
fn a_client_without_a_required_certificate_is_refused() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::named("api"));
    let proxy = mutual(&authority, &clients, &upstream, "required", "san_dns");
    for version in [&TLS12, &TLS13] {
        let bare = authority.trusted_over("a.test", &[], None, &[version]);
        // With TLS 1.3 the client gets the refusal only after its own part of the handshake.
        let heard = Client::try_connect_tls(proxy.address(), &bare).map(|mut client| {
            let _ = client.try_send(Request::get("/open/x").bytes());
            client.rest()
        });
        assert!(heard.as_ref().map_or(true, Vec::is_empty), "{version:?}");
    }
    assert_eq!(upstream.count(), 0);
    proxy.await_metric("sluice_tls_handshakes_total{result=\"no_certificate\"}", 2.0);
}

#[test]
fn a_certificate_of_another_issuer_is_refused_in_either_mode() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::named("api"));
    let stranger = Authority::new().client(&[ClientName::Dns("acme")]);
    // A server certificate of the right authority does not identify a client.
    let server = clients.server(&["acme"]);
    for mode in ["required", "optional"] {
        let proxy = mutual(&authority, &clients, &upstream, mode, "san_dns");
        for pair in [&stranger, &server] {
            let client = authority.trusted_over("a.test", &[], Some(pair), &[&TLS13]);
            let heard = Client::try_connect_tls(proxy.address(), &client).map(|mut client| {
                let _ = client.try_send(Request::get("/board").bytes());
                client.rest()
            });
            assert!(heard.as_ref().map_or(true, Vec::is_empty), "{mode}");
        }
        proxy.await_metric("sluice_tls_handshakes_total{result=\"bad_certificate\"}", 2.0);
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_missing_optional_certificate_means_no_caller() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::named("api"));
    let proxy = mutual(&authority, &clients, &upstream, "optional", "san_dns");
    let mut bare = proxy.connect_tls(&authority.trusted_by("a.test", &[], None));
    assert_eq!(bare.ask(&Request::get("/open/x")).status, 200);
    assert_eq!(bare.ask(&Request::get("/board")).code(), "TOKEN_MISSING");
    assert_eq!(
        bare.ask(&Request::get("/board").token(&proxy.token("acme")))
            .status,
        200
    );
}

#[test]
fn resumed_connections_verify_the_certificate_again() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::named("api"));
    let proxy = mutual(&authority, &clients, &upstream, "required", "san_dns");
    let certificate = clients.client(&[ClientName::Dns("acme")]);
    for version in [&TLS12, &TLS13] {
        let client = authority.trusted_over("a.test", &[], Some(&certificate), &[version]);
        for _ in 0..2 {
            let mut client = proxy.connect_tls(&client);
            assert_eq!(client.ask(&Request::get("/board")).status, 200);
            assert!(!client.is_resumed());
        }
    }
    // A reload changes the authorities for connections that begin after it.
    let others = Authority::new();
    std::fs::write(proxy.folder().join("ca.pem"), others.pem()).unwrap();
    proxy.try_reread().unwrap();
    let client = authority.trusted_by("a.test", &[], Some(&certificate));
    let heard = Client::try_connect_tls(proxy.address(), &client).map(|mut client| {
        let _ = client.try_send(Request::get("/board").bytes());
        client.rest()
    });
    assert!(heard.as_ref().map_or(true, Vec::is_empty));
}

#[test]
fn failed_handshakes_are_counted_and_isolated() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = encrypted(&authority, &upstream).start();
    let mut plain = proxy.connect();
    plain.send("GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n");
    // A TLS alert and the end of the connection, no HTTP.
    assert!(!plain.rest().starts_with(b"HTTP"));
    proxy.connect().finish().rest();
    eventually("both in the metrics", || {
        let not_tls = proxy.metric("sluice_tls_handshakes_total{result=\"not_tls\"}");
        let closed = proxy.metric("sluice_tls_handshakes_total{result=\"closed\"}");
        (not_tls == 1.0 && closed == 1.0).then_some(())
    });
    let odd = authority.trusted_by("a.test", &["spdy/3"], None);
    assert!(Client::try_connect_tls(proxy.address(), &odd).is_err());
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_connection_that_outlives_its_certificate_has_no_caller() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::named("api"));
    let proxy = mutual(&authority, &clients, &upstream, "required", "san_dns");
    let certificate = clients.client_for(&[ClientName::Dns("acme")], Duration::from_secs(2));
    let mut client = proxy.connect_tls(&authority.trusted_by("a.test", &[], Some(&certificate)));
    assert_eq!(client.ask(&Request::get("/board")).status, 200);
    let refused = eventually("the end of the certificate", || {
        let answer = client.ask(&Request::get("/board"));
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(
        (refused.status, refused.code()),
        (401, "CERTIFICATE_EXPIRED".to_owned())
    );
    assert_eq!(client.ask(&Request::get("/open/x")).status, 200);
}

#[test]
fn a_websocket_over_tls_passes_only_an_open_gate() {
    let authority = Authority::new();
    let upstream = echo();
    let proxy = encrypted(&authority, &upstream).start();
    let trusting = authority.trusted_by("a.test", &["http/1.1"], None);
    let upgrade = |tenant: &str| {
        Request::get("/board")
            .token(&proxy.token(tenant))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
    };
    assert_eq!(proxy.connect_tls(&trusting).ask(&upgrade("globex")).status, 404);
    assert_eq!(upstream.count(), 0);
    for _ in 0..20 {
        let mut client = proxy.connect_tls(&trusting);
        // Bytes sent before the response belong to the tunnel.
        client.send(upgrade("acme").bytes());
        assert_eq!(client.response().status, 101);
        for _ in 0..3 {
            client.send("a frame");
            assert_eq!(client.bytes(14), b"a framea frame");
        }
    }
}

#[test]
fn a_rejected_client_is_answered_before_it_sends_its_body() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = encrypted(&authority, &upstream).start();
    let trusting = authority.trusted_by("a.test", &[], None);
    let mut client = proxy.connect_tls(&trusting);
    client.send("POST /open/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.any_response_to("POST").status, 100);
    assert_eq!(client.send("hello").response().status, 200);
    let mut client = proxy.connect_tls(&trusting);
    client.send("POST /board HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.any_response_to("POST").status, 401);
    assert_eq!(upstream.only().body, b"hello");
    let options = |target: &str| {
        let mut client = proxy.connect_tls(&trusting);
        client.ask(&Request::new("OPTIONS", target)).status
    };
    assert_eq!(
        (options("/open/x"), options("/board"), options("*")),
        (200, 401, 404)
    );
}

#[test]
fn a_truncated_response_has_no_close_notification() {
    let upstream = Upstream::answering(|request, stream| {
        let last = if request.target() == "/open/whole" {
            "0\r\n\r\n"
        } else {
            ""
        };
        let _ = testkit::reply(
            stream,
            &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n{last}"),
        );
        After::Close
    });
    let authority = Authority::new();
    let proxy = encrypted(&authority, &upstream).start();
    for (target, is_whole) in [("/open/whole", true), ("/open/part", false)] {
        let mut client = proxy.connect_tls(&authority.trusted_by("a.test", &["http/1.1"], None));
        // HTTP/1.0 has no chunks: the end of the connection is that of the body.
        client.send(format!("GET {target} HTTP/1.0\r\nHost: a.test\r\n\r\n"));
        assert_eq!(client.head().0, 200);
        assert_eq!(client.ends_cleanly(), is_whole, "{target}");
    }
}
