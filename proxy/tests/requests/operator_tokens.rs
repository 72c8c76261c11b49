//! Operators' static tokens on public listeners: they reach no upstream, count as no token, and are counted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use testkit::{
    After, H2Answer, H2Client, H2Upstream, Proxy, ProxyBuilder, Request, Upstream, reply, response,
};

const TOKEN: &str = "sluice_bm8gcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXMgaXQ";
/// A part of it that nothing else has.
const SECRET: &str = "bm8gcmVhbCB0b2tlbiwgYnV0";
const REMOVED: &str = "sluice_operator_tokens_removed_total";

/// Builds a proxy with every kind of path to an upstream: a route without a token, one that accepts one, a fallback,
/// a shadow gate, and no route.
fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: open, match: /open, auth: none, upstream: api }")
        .route("{ name: some, match: /some, auth: optional, upstream: api }")
        .route("{ name: all, match: /all, auth: required, upstream: api }")
        .route("{ name: closed, match: /closed, auth: optional, gate: board, upstream: api, otherwise: { upstream: api } }")
        .route("{ name: watched, match: /watched, auth: required, gate: board, mode: shadow, upstream: api }")
        .with("unmatched: { upstream: api }")
        .with("headers: { tenant: X-Tenant-Id }")
}

/// Spellings of credentials with the token in them.
fn spellings() -> Vec<String> {
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    vec![
        format!("Bearer {TOKEN}"),
        format!("bearer {TOKEN}"),
        format!("BEARER    {TOKEN}"),
        format!("Bearer\t{TOKEN}"),
        format!("Token {TOKEN}"),
        format!("Token token=\"{TOKEN}\""),
        TOKEN.to_owned(),
        basic(format!("ann:{TOKEN}")),
        basic(format!("{TOKEN}:")),
    ]
}

/// Checks that no header that the upstream received contains the token or credentials.
#[track_caller]
fn check_unknown_to(upstream: &Upstream) {
    for request in upstream.requests() {
        for (name, value) in &request.head.headers {
            assert!(!value.contains(SECRET), "{name} on {}", request.target());
            assert!(
                !name.eq_ignore_ascii_case("authorization"),
                "{value} on {}",
                request.target()
            );
        }
    }
}

#[test]
fn an_operators_static_token_reaches_no_upstream_on_any_path() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let mut sent = 0;
    for path in ["/open", "/some", "/closed", "/watched", "/elsewhere"] {
        for credentials in spellings() {
            let answer = proxy.ask(&Request::get(path).header("Authorization", &credentials));
            sent += 1;
            assert_eq!(answer.status, 200, "{path} {credentials}");
            assert_eq!(upstream.count(), sent);
        }
    }
    check_unknown_to(&upstream);
    assert_eq!(proxy.metric(REMOVED), sent as f64);
    let log = proxy.log(sent);
    assert!(log.iter().all(|line| !line.to_string().contains(SECRET)));
}

#[test]
fn an_operators_static_token_counts_as_no_token() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for credentials in spellings() {
        let refused = proxy.ask(&Request::get("/all").header("Authorization", &credentials));
        assert_eq!((refused.status, &*refused.code()), (401, "TOKEN_MISSING"));
    }
    assert_eq!(upstream.count(), 0);
    // Beside another token both are removed, because the intended one is unknown.
    let both = Request::get("/all").token(&proxy.token("acme")).token(TOKEN);
    assert_eq!(proxy.ask(&both).code(), "TOKEN_MISSING");
    let both = Request::get("/some").token(TOKEN).token(&proxy.token("acme"));
    assert_eq!(proxy.ask(&both).status, 200);
    assert_eq!(upstream.only().header("x-tenant-id"), None);
    check_unknown_to(&upstream);
    assert_eq!(proxy.metric(REMOVED), spellings().len() as f64 + 2.0);
}

#[test]
fn issuers_tokens_and_other_credentials_are_forwarded() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let token = format!("Bearer {}", proxy.token("acme"));
    for (path, credentials) in [
        ("/all", &*token),
        ("/open", &*token),
        ("/open", "Basic YW5uOnNlY3JldA=="),
        ("/open", "Bearer my-sluice_key"),
        ("/open", "Bearer xsluice_key"),
    ] {
        let answer = proxy.ask(&Request::get(path).header("Authorization", credentials));
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(upstream.last().header("authorization"), Some(credentials));
    }
    assert_eq!(proxy.metric(REMOVED), 0.0);
}

#[test]
fn static_token_is_removed_from_configured_token_sources() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("identity: { token: { header: X-Token } }")
        .start();
    for value in [TOKEN.to_owned(), format!("Bearer {TOKEN}")] {
        for name in ["X-Token", "x-token", "Authorization"] {
            assert_eq!(proxy.ask(&Request::get("/all").header(name, &value)).status, 401);
            assert_eq!(proxy.ask(&Request::get("/open").header(name, &value)).status, 200);
        }
    }
    assert_eq!(upstream.last().header("x-token"), None);
    check_unknown_to(&upstream);

    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("identity: { token: { cookie: session } }")
        .start();
    let cookie = |cookie: &str| {
        let request = Request::get("/open").header("Cookie", cookie);
        assert_eq!(proxy.ask(&request).status, 200);
        upstream.last().header("cookie").map(str::to_owned)
    };
    assert_eq!(cookie(&format!("session={TOKEN}")), None);
    assert_eq!(
        cookie(&format!("a=b; session=\"{TOKEN}\"")).as_deref(),
        Some("a=b")
    );
    assert_eq!(
        cookie(&format!("a=b; session={TOKEN}; c=d; session=eyJ")).as_deref(),
        Some("a=b; c=d")
    );
    assert_eq!(
        cookie("a=b; session=eyJhbGciOiJub25lIn0.e30.x").as_deref(),
        Some("a=b; session=eyJhbGciOiJub25lIn0.e30.x")
    );
    let refused = proxy.ask(&Request::get("/all").header("Cookie", &format!("session={TOKEN}")));
    assert_eq!(refused.code(), "TOKEN_MISSING");
    check_unknown_to(&upstream);
    assert_eq!(proxy.metric(REMOVED), 4.0);
}

#[test]
fn static_token_is_removed_from_any_header() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let basic = |pair: String| STANDARD.encode(pair);
    let long = basic(format!("{}:{TOKEN}", "a".repeat(3_000)));
    // A text whose encodings in the two base64 alphabets differ.
    let both = basic(format!("\u{fb}\u{ff}\u{bf}?>:{TOKEN}"));
    assert!(both.contains('/') || both.contains('+'), "{both}");
    let blank = both.replacen("c2", "c 2", 1);
    let escaped = TOKEN.replace('_', "%5F");
    let mut sent = 0;
    for (name, value) in [
        ("X-Api-Key", TOKEN.to_owned()),
        ("x-auth-token", TOKEN.to_owned()),
        ("X-Auth-Token", format!("Bearer {TOKEN}")),
        ("Proxy-Authorization", format!("Bearer {TOKEN}")),
        ("Sec-WebSocket-Protocol", format!("graphql, bearer-{TOKEN}")),
        ("Referer", format!("https://a.example/?token={TOKEN}&a=b")),
        ("X-Json", format!("{{\"token\":\"{TOKEN}\"}}")),
        ("Cookie", format!("a=b; sess={TOKEN}")),
        ("Cookie", format!("sess=Bearer%20{TOKEN}; a=b")),
        ("Cookie", format!("sess={escaped}")),
        ("Cookie", format!("sess={}", escaped.replace("%5F", "%5f"))),
        ("Cookie", format!("sess=%22{TOKEN}%22")),
        ("Authorization", format!("Token-{TOKEN}")),
        ("Authorization", format!("Basic {long}")),
        ("Authorization", format!("Basic {both}")),
        ("Authorization", format!("Basic {blank}")),
        (
            "Authorization",
            format!("Basic {}", both.replace('+', "-").replace('/', "_")),
        ),
        ("Authorization", format!("Basic {}", both.trim_end_matches('='))),
        ("X-Authorization", format!("Basic {both}")),
    ] {
        // Beside another value of the same header both are removed, because the intended one is unknown.
        let request = Request::get("/open").header(name, &value);
        assert_eq!(
            proxy.ask(&request.header(name, "other")).status,
            200,
            "{name}: {value}"
        );
        sent += 1;
        assert_eq!(upstream.last().header(name), None, "{name}: {value}");
        assert_eq!(proxy.metric(REMOVED), f64::from(sent), "{name}: {value}");
    }
    check_unknown_to(&upstream);
    // A request with the token in several headers is counted once.
    let request = Request::get("/open").token(TOKEN).header("X-Api-Key", TOKEN);
    assert_eq!(proxy.ask(&request).status, 200);
    assert_eq!(proxy.metric(REMOVED), f64::from(sent + 1));
}

#[test]
fn value_with_the_prefix_of_a_static_token_is_forwarded() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let (shorter, longer) = (&TOKEN[..TOKEN.len() - 1], format!("{TOKEN}x"));
    // A JWT whose signature contains text in the form of a static token.
    let signed = format!("Bearer {}-{TOKEN}", proxy.token("acme"));
    for value in [
        format!("Basic {}", STANDARD.encode("sluice_prod:hunter2")),
        "Digest username=\"sluice_ci\", realm=\"x\"".to_owned(),
        "AWS4-HMAC-SHA256 Credential=sluice_ci/20261120/eu-west-1/s3/aws4_request".to_owned(),
        "Bearer sluice_sk".to_owned(),
        format!("Bearer {shorter}"),
        format!("Bearer {longer}"),
        format!("Bearer x{TOKEN}"),
        format!("Bearer {}", TOKEN.to_ascii_uppercase()),
        format!("Basic {}", STANDARD.encode(format!("ann:{longer}"))),
        signed,
    ] {
        for name in ["Authorization", "X-Api-Key", "Cookie"] {
            let request = Request::get("/open").header(name, &value);
            assert_eq!(proxy.ask(&request).status, 200, "{name}: {value}");
            assert_eq!(upstream.last().header(name), Some(&*value));
        }
    }
    assert_eq!(proxy.metric(REMOVED), 0.0);
}

#[test]
fn matched_host_with_a_static_token_is_forwarded() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let host = format!("{TOKEN}.example");
    assert_eq!(proxy.ask(&Request::get("/open").host(&host)).status, 200);
    assert_eq!(upstream.only().header("host"), Some(&*host));
}

#[test]
fn static_token_is_removed_from_websockets_and_retries() {
    let upstream = Upstream::answering(|request, stream| match request.header("upgrade") {
        Some(_) => {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            reply(stream, head);
            After::Close
        }
        None => reply(stream, &response(200, "OK", "ok")),
    });
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoints = format!("{{ endpoints: [\"{dead}\", \"{}\"] }}", upstream.address());
    let proxy = Proxy::builder()
        .upstream_at("api", &endpoints)
        .route("{ name: open, match: /open, auth: none, upstream: api }")
        .start();
    let upgrade = Request::get("/open")
        .token(TOKEN)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13");
    let mut client = proxy.connect();
    client.send(upgrade.bytes());
    assert_eq!(client.response().status, 101);
    for _ in 0..4 {
        assert_eq!(proxy.ask(&Request::get("/open").token(TOKEN)).status, 200);
    }
    assert_eq!(upstream.count(), 5);
    check_unknown_to(&upstream);
}

#[test]
fn static_token_is_removed_over_http_2() {
    let upstream = H2Upstream::answering(|_| H2Answer::new(200, "ok"));
    let proxy = Proxy::builder()
        .listening("h2c: true")
        .upstream_at(
            "api",
            &format!("{{ endpoints: [\"{}\"], protocol: http2 }}", upstream.address()),
        )
        .route("{ name: open, match: /open, auth: none, upstream: api }")
        .with("identity: { token: { cookie: session } }")
        .start();
    let cookies = format!("a=b; session={TOKEN}");
    let request = Request::get("/open").token(TOKEN).header("cookie", &cookies);
    assert_eq!(H2Client::connect(proxy.address()).ask(&request).status, 200);
    assert_eq!(proxy.ask(&request).status, 200);
    for seen in upstream.requests() {
        assert_eq!(
            (seen.header("authorization"), seen.header("cookie")),
            (None, Some("a=b"))
        );
    }
    assert_eq!(upstream.requests().len(), 2);
    assert_eq!(proxy.metric(REMOVED), 2.0);
}
