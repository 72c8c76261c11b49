//! Route matching, and unmatched requests (edge.md section 3).

use testkit::{Proxy, Request, Upstream};

/// Starts a proxy with an upstream for each name, and routes with these matches to them.
fn proxy(routes: &[(&'static str, &str)], rest: &str) -> (Vec<Upstream>, Proxy) {
    let mut builder = Proxy::builder().with(rest);
    let mut upstreams = Vec::new();
    for (name, matches) in routes {
        let upstream = Upstream::named(name);
        builder = builder.upstream(name, &upstream);
        builder = builder.route(&format!("{{ name: {name}, match: {matches}, upstream: {name} }}"));
        upstreams.push(upstream);
    }
    (upstreams, builder.start())
}

#[test]
fn most_specific_route_matches() {
    let (_upstreams, proxy) = proxy(
        &[
            ("any", "/**"),
            ("below", "/api/**"),
            ("item", "\"/api/{id}\""),
            ("exact", "/api/item"),
            ("writing", "{ path: /api/item, methods: [POST] }"),
            ("beta", "{ path: /api/item, headers: { X-Beta: \"1\" } }"),
            ("host", "{ host: api.test, path: /api/** }"),
        ],
        "",
    );
    let get = |target| proxy.ask(&Request::get(target)).text().to_owned();
    assert_eq!(get("/other"), "any");
    assert_eq!(get("/api"), "below");
    assert_eq!(get("/api/a/b"), "below");
    assert_eq!(get("/api/a"), "item");
    assert_eq!(get("/api/item"), "exact");
    assert_eq!(proxy.ask(&Request::post("/api/item", "")).text(), "writing");
    assert_eq!(
        proxy.ask(&Request::get("/api/item").header("x-beta", "1")).text(),
        "beta"
    );
    assert_eq!(
        proxy.ask(&Request::get("/api/item").host("API.test:8080")).text(),
        "host"
    );
    assert_eq!(proxy.ask(&Request::get("/other").host("api.test")).text(), "any");
}

#[test]
fn an_unmatched_request_is_refused_or_forwarded_as_configured() {
    let (upstreams, proxy) = proxy(&[("a", "/a")], "");
    let refused = proxy.ask(&Request::get("/b"));
    assert_eq!((refused.status, refused.code()), (404, "NOT_FOUND".to_owned()));
    assert_eq!(upstreams[0].count(), 0);

    let (upstreams, proxy) = self::proxy(&[("a", "/a")], "unmatched: { upstream: a }");
    assert_eq!(proxy.ask(&Request::get("/b")).text(), "a");
    assert_eq!(upstreams[0].only().target(), "/b");
}

#[test]
fn route_of_another_method_does_not_match() {
    let (upstreams, proxy) = proxy(&[("a", "{ path: /a, methods: [GET] }")], "");
    assert_eq!(proxy.ask(&Request::post("/a", "")).status, 404);
    assert_eq!(proxy.ask(&Request::get("/a")).status, 200);
    assert_eq!(upstreams[0].count(), 1);
}

#[test]
fn operator_body_replaces_the_default_body() {
    let upstream = Upstream::named("a");
    let proxy = Proxy::builder()
        .upstream("a", &upstream)
        .route("{ name: a, match: /a, gate: board, upstream: a }")
        .file("not-found.html", b"<p>nothing here")
        .with("errors: { 404: { file: not-found.html, content_type: text/html } }")
        .start();
    for answer in [proxy.get("/b", ""), proxy.get("/a", "globex")] {
        assert_eq!((answer.status, answer.text()), (404, "<p>nothing here"));
        assert_eq!(answer.header("content-type"), Some("text/html"));
    }
}

#[test]
fn a_browser_gets_a_page() {
    let (_upstreams, proxy) = proxy(&[("a", "/a")], "");
    let answer = proxy.ask(&Request::get("/b").header("Accept", "text/html,*/*;q=0.8"));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert!(answer.text().contains("Not Found"));
}

#[test]
fn only_preflights_pass_a_route_with_open_preflight() {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: board, match: /board, gate: board, preflight: open, upstream: all }")
        .route("{ name: other, match: /other, gate: board, upstream: all }")
        .route("{ name: rest, match: /**, upstream: all }")
        .start();
    let preflight = |target: &str| {
        Request::new("OPTIONS", target)
            .header("Origin", "https://elsewhere.test")
            .header("Access-Control-Request-Method", "PUT")
    };
    let acme = proxy.token("acme");
    assert_eq!(proxy.ask(&preflight("/board").token(&acme)).status, 200);
    assert_eq!(upstream.only().header("X-Tenant-Id"), None, "nobody is reported");
    assert_eq!(
        proxy.ask(&preflight("/BOARD")).status,
        200,
        "its reading is open, too"
    );
    assert_eq!(upstream.count(), 2);
    for refused in [
        preflight("/other"),
        preflight("/OTHER"),
        Request::new("OPTIONS", "/board").header("Origin", "https://elsewhere.test"),
        Request::new("OPTIONS", "/board").header("Access-Control-Request-Method", "PUT"),
        Request::get("/board")
            .header("Origin", "https://elsewhere.test")
            .header("Access-Control-Request-Method", "PUT"),
        preflight("/board").header("Content-Length", "1"),
        preflight("/board").header("Transfer-Encoding", "chunked"),
    ] {
        assert_eq!(proxy.ask(&refused).status, 401, "{refused:?}");
    }
    assert_eq!(upstream.count(), 2);
}

#[test]
fn head_request_does_not_bypass_a_gate_on_get() {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: board, match: { path: /board, methods: [GET] }, gate: board, upstream: all }")
        .route("{ name: rest, match: /**, upstream: all }")
        .start();
    let head = Request::new("HEAD", "/board").token(&proxy.token("globex"));
    assert_eq!(proxy.ask(&head).status, 404);
    assert_eq!(upstream.count(), 0);
}
