//! Rate limits by tenant and by client (edge.md section 5).

use testkit::{Proxy, ProxyBuilder, Request, Response, Upstream};

/// Builds a proxy whose routes allow three requests an hour, which is longer than any test.
fn builder(upstream: &Upstream) -> ProxyBuilder {
    let limit = |by: &str| format!("limit: {{ rate: 3/h, by: {by} }}, upstream: api");
    Proxy::builder()
        .upstream("api", upstream)
        .route(&format!(
            "{{ name: a, match: /a, auth: required, {} }}",
            limit("tenant")
        ))
        .route(&format!(
            "{{ name: b, match: /b, auth: optional, {} }}",
            limit("tenant")
        ))
        .route(&format!(
            "{{ name: c, match: /c, auth: required, {} }}",
            limit("client")
        ))
        .route(&format!(
            "{{ name: gated, match: /gated, gate: board, {} }}",
            limit("tenant")
        ))
        .with("trusted_proxies: [127.0.0.1]")
}

#[track_caller]
fn check_limited(answer: &Response) {
    assert_eq!((answer.status, &*answer.code()), (429, "RATE_LIMITED"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1_100..=1_200).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_tenant_over_its_limit_gets_a_retry_after() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for _ in 0..3 {
        assert_eq!(proxy.get("/a", "acme").status, 200);
    }
    check_limited(&proxy.get("/a", "acme"));
    assert_eq!(proxy.get("/a", "globex").status, 200);
    assert_eq!(proxy.get("/b", "acme").status, 200);
    assert_eq!(upstream.count(), 5);
    let log = proxy.log(6);
    let line = log.iter().find(|line| line["status"] == 429).unwrap();
    assert_eq!(line["error"], "RATE_LIMITED");
    assert_eq!(
        (&line["outcome"], &line["tenant"]),
        (&"limited".into(), &"acme".into())
    );
    assert_eq!(
        proxy.metric("sluice_requests_total{route=\"a\",outcome=\"limited\",status=\"4xx\"}"),
        1.0
    );
    assert_eq!(
        proxy.metric("sluice_rejections_total{reason=\"RATE_LIMITED\"}"),
        1.0
    );
}

#[test]
fn a_client_without_a_tenant_is_counted_by_its_address() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let ask = |client: &str| proxy.ask(&Request::get("/b").header("X-Forwarded-For", client));
    for _ in 0..3 {
        assert_eq!(ask("192.0.2.7").status, 200);
    }
    check_limited(&ask("192.0.2.7"));
    check_limited(&ask("198.51.100.1, 192.0.2.7"));
    assert_eq!(ask("192.0.2.8").status, 200);
    assert_eq!(proxy.get("/b", "acme").status, 200);
}

#[test]
fn a_client_is_counted_before_its_token_is_verified() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let ask = |token: &str| proxy.ask(&Request::get("/c").token(token));
    let token = proxy.token("acme");
    let (signed, _) = token.rsplit_once('.').unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&format!("{signed}.AAAA")).status, 401);
    }
    check_limited(&ask(&format!("{signed}.AAAA")));
    check_limited(&ask(&token));
    assert_eq!(
        proxy.metric("sluice_token_verifications_total{result=\"bad_signature\"}"),
        3.0
    );
    assert_eq!(upstream.count(), 0);
}

#[test]
fn refused_tokens_of_one_client_limit_no_other() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let ask = |client: &str, token: &str| {
        let request = Request::get("/c").header("X-Forwarded-For", client);
        proxy.ask(&request.token(token))
    };
    for _ in 0..3 {
        assert_eq!(ask("192.0.2.7", "a.b.c").status, 401);
    }
    let token = proxy.token("acme");
    check_limited(&ask("192.0.2.7", &token));
    assert_eq!(ask("192.0.2.8", &token).status, 200);
}

#[test]
fn own_limits_do_not_tell_a_hidden_route_from_no_route() {
    let upstream = Upstream::named("api");
    let limited = |name: &str, limit: &str| {
        format!("{{ name: {name}, match: /{name}, gate: board, auth: optional, {limit}, upstream: api }}")
    };
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route(&limited("tenant", "limit: { rate: 2/h, by: tenant }"))
        .route(&limited("client", "limit: { rate: 2/h, by: client }"))
        .route(&limited("sized", "body_limit: 4"))
        .route(&limited("wide", "body_limit: 1KiB"))
        .with("body_limit: 16")
        .start();
    let check_hidden = |ask: &dyn Fn(&str) -> Response| {
        let unknown = ask("/unknown");
        assert_eq!(unknown.status, 404);
        for path in ["/tenant", "/client", "/sized", "/wide"] {
            for _ in 0..4 {
                let hidden = ask(path);
                let facts = |answer: &Response| {
                    let names = answer.head.headers.iter().map(|(name, _)| name.clone());
                    (answer.status, answer.code(), names.collect::<Vec<_>>())
                };
                assert_eq!(facts(&hidden), facts(&unknown), "{path}");
            }
        }
    };
    // For whom the gate is open, the limits apply.
    for path in ["/tenant", "/client"] {
        let statuses: Vec<u16> = (0..3).map(|_| proxy.get(path, "acme").status).collect();
        assert_eq!(statuses, [200, 200, 429], "{path}");
    }
    let post = |path: &str, tenant: &str, length: usize| {
        let mut request = Request::post(path, "a".repeat(length));
        if !tenant.is_empty() {
            request = request.token(&proxy.token(tenant));
        }
        proxy.ask(&request)
    };
    for (path, length, status) in [("/sized", 4, 200), ("/sized", 5, 413), ("/wide", 20, 200)] {
        assert_eq!(post(path, "acme", length).status, status, "{path} {length}");
    }
    for tenant in ["globex", ""] {
        check_hidden(&|path| proxy.get(path, tenant));
        for length in [1, 10, 20, 2_000] {
            check_hidden(&|path| post(path, tenant, length));
        }
    }
}

#[test]
fn spellings_of_a_path_share_a_rate_limit() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for target in ["/a", "//a", "/%61"] {
        assert_eq!(proxy.get(target, "acme").status, 200, "{target}");
    }
    check_limited(&proxy.get("/./a/", "acme"));
}

#[test]
fn limits_of_the_routes_of_other_readings_apply() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: small, match: /small, body_limit: 4, upstream: api }")
        .route("{ name: rare, match: /rare, limit: { rate: 1/h, by: client }, upstream: api }")
        .route("{ name: rest, match: /**, body_limit: 0, upstream: api }")
        .start();
    let post = |path: &str, length: usize| proxy.ask(&Request::post(path, "a".repeat(length))).status;
    // A server that folds case would serve the route with the smaller limit.
    for (path, length, status) in [("/SMALL", 4, 200), ("/SMALL", 5, 413), ("/other", 5, 200)] {
        assert_eq!(post(path, length), status, "{path} {length}");
    }
    assert_eq!([post("/RARE", 1), post("/rare", 1)], [200, 429]);
    // Without a route, the limit of the document is one of them.
    let unmatched = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: large, match: /large, body_limit: 0, upstream: api }")
        .route("{ name: small, match: /small, body_limit: 4, upstream: api }")
        .with("unmatched: { upstream: api }\nbody_limit: 8")
        .start();
    for (path, length, status) in [
        ("/LARGE", 8, 200),
        ("/LARGE", 9, 413),
        ("/large", 9, 200),
        ("/SMALL", 5, 413),
        ("/other", 9, 413),
    ] {
        let answer = unmatched.ask(&Request::post(path, "a".repeat(length)));
        assert_eq!(answer.status, status, "{path} {length}");
    }
}

#[test]
fn limits_of_routes_that_are_not_served_stay_hidden() {
    let (exact, folding) = (Upstream::named("exact"), Upstream::named("folding"));
    let address = exact.address();
    let proxy = Proxy::builder()
        .upstream_at("exact", &format!("{{ endpoints: [\"{address}\"], reads: exact }}"))
        .upstream("folding", &folding)
        .route("{ name: hidden, match: /a, gate: board, auth: optional, body_limit: 1, limit: { rate: 1/h, by: client }, upstream: exact }")
        .route("{ name: rest, match: /**, gate: core, auth: none, upstream: exact, otherwise: { upstream: folding } }")
        .start();
    for _ in 0..3 {
        assert_eq!(proxy.ask(&Request::post("/A", "abc")).text(), "exact");
    }
}

#[test]
fn counts_of_an_unchanged_limit_survive_a_reload() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for _ in 0..3 {
        assert_eq!(proxy.get("/a", "acme").status, 200);
    }
    proxy.reload("flags.yaml", "lifecycle: ga", "lifecycle: beta");
    check_limited(&proxy.get("/a", "acme"));
    proxy.reload("sluice.yaml", "rate: 3/h", "rate: 4/h");
    assert_eq!(proxy.get("/a", "acme").status, 200);
}
