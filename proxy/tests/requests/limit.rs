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
fn requests_to_a_closed_gate_are_rate_limited() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for _ in 0..3 {
        assert_eq!(proxy.get("/gated", "globex").status, 404);
    }
    check_limited(&proxy.get("/gated", "globex"));
    assert_eq!(proxy.get("/gated", "acme").status, 200);
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
