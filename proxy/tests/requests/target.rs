//! Targets: the matched path is the forwarded path (edge.md section 2).

use testkit::{Proxy, Request, Upstream};

fn everything() -> (Upstream, Proxy) {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: all, match: /**, upstream: all }")
        .start();
    (upstream, proxy)
}

/// Checks that each target is forwarded as the text beside it.
#[track_caller]
fn check_forwarded(cases: &[(&str, &str)]) {
    let (upstream, proxy) = everything();
    for (sent, forwarded) in cases {
        assert_eq!(proxy.ask(&Request::get(sent)).status, 200, "{sent}");
        assert_eq!(upstream.last().target(), *forwarded, "{sent}");
    }
}

#[test]
fn target_is_forwarded_in_normal_form() {
    check_forwarded(&[
        ("/a/b?c=d", "/a/b?c=d"),
        ("/a//b", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2e/c", "/c"),
        ("/../../c", "/c"),
        ("/%61%7E%c3%a4", "/a~%C3%A4"),
        ("/a?b=%2f%00", "/a?b=%2f%00"),
        ("/a?b=/../c", "/a?b=/../c"),
        ("/a;b=c/d", "/a;b=c/d"),
        ("/%252e", "/%252e"),
        ("http://test/a//b?c", "/a/b?c"),
        ("http://test", "/"),
        ("HTTP://test/a", "/a"),
        ("/a/", "/a/"),
    ]);
}

#[test]
fn ambiguous_target_is_rejected() {
    let (upstream, proxy) = everything();
    for target in [
        "/a\\b",
        "/a%5cb",
        "/a%2fb",
        "/a%2Fb",
        "/a%00",
        "/a%0a",
        "/a%7f",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%c0%af",
        "/a#b",
        "ftp://test/a",
        "a",
        "*",
        "/a\u{1}b",
        "/a%c3",
    ] {
        let refused = proxy.ask(&Request::get(target));
        assert_eq!(refused.status, 400, "{target:?}");
    }
    let mut client = proxy.connect();
    client.send(b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert_eq!(upstream.count(), 0);
}

#[test]
fn encoded_slashes_follow_the_document() {
    for (choice, expected) in [("decode", "/a/b"), ("keep", "/a%2Fb")] {
        let upstream = Upstream::named("all");
        let proxy = Proxy::builder()
            .upstream("all", &upstream)
            .route("{ name: all, match: /**, upstream: all }")
            .with(&format!("target: {{ encoded_slash: {choice} }}"))
            .start();
        assert_eq!(proxy.ask(&Request::get("/a%2fb")).status, 200);
        assert_eq!(upstream.only().target(), expected);
    }
}

#[test]
fn kept_encoded_slash_does_not_bypass_a_gate() {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: all, match: /**, upstream: all }")
        .route("{ name: board, match: /api/board, gate: board, upstream: all }")
        .with("target: { encoded_slash: keep }")
        .start();
    assert_eq!(proxy.get("/api/board", "globex").status, 404);
    assert_eq!(proxy.get("/api%2fboard", "globex").status, 404);
    assert_eq!(proxy.get("/api%2Fboard", "").status, 401);
    assert_eq!(upstream.count(), 0);
    assert_eq!(proxy.get("/api%2Fboard", "acme").status, 200);
    assert_eq!(upstream.only().target(), "/api%2Fboard");
}

#[test]
fn path_that_matches_when_decoded_is_gated() {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: board, match: /api/board, gate: board, upstream: all }")
        .with("target: { encoded_slash: keep }\nunmatched: { upstream: all }")
        .start();
    assert_eq!(proxy.get("/other%2fboard", "").status, 200);
    assert_eq!(proxy.get("/api%2fboard", "").status, 401);
    assert_eq!(proxy.get("/api%2fboard", "globex").status, 404);
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_fallback_of_one_reading_does_not_bypass_a_closed_one() {
    let (legacy, other) = (Upstream::named("legacy"), Upstream::named("other"));
    let check = |decoded: &str, tenant: &str, expected: (u16, &str)| {
        let proxy = Proxy::builder()
            .upstream("legacy", &legacy)
            .upstream("other", &other)
            .route("{ name: a, match: /a/**, gate: old, upstream: other, otherwise: { upstream: legacy } }")
            .route(&format!(
                "{{ name: b, match: /b/**, gate: board, upstream: other, {decoded} }}"
            ))
            .with("target: { encoded_slash: keep }")
            .start();
        let answer = proxy.get("/a/..%2fb/x", tenant);
        let found = if answer.status == 200 {
            answer.text().to_owned()
        } else {
            answer.code()
        };
        assert_eq!((answer.status, &*found), expected, "{decoded} as {tenant}");
    };
    check("otherwise: { reject: 404 }", "globex", (404, "NOT_FOUND"));
    check(
        "otherwise: { reject: 403 }",
        "globex",
        (403, "FEATURE_NOT_ENABLED"),
    );
    check("otherwise: { upstream: other }", "globex", (404, "NOT_FOUND"));
    assert_eq!(legacy.count() + other.count(), 0);
    check("otherwise: { upstream: legacy }", "globex", (200, "legacy"));
    check("otherwise: { reject: 404 }", "acme", (200, "legacy"));
}

#[test]
fn http_1_0_absolute_target_needs_no_host_header() {
    let (upstream, proxy) = everything();
    let mut client = proxy.connect();
    client.send("GET http://shop.test:8080/a HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().status, 200);
    let seen = upstream.only();
    assert_eq!(
        (seen.target(), seen.head.values("Host")),
        ("/a", vec!["shop.test:8080"])
    );
}

#[test]
fn asterisk_form_is_accepted_only_for_options() {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .with("unmatched: { upstream: all }")
        .start();
    assert_eq!(proxy.ask(&Request::new("OPTIONS", "*")).status, 200);
    assert_eq!(upstream.only().target(), "*");
    assert_eq!(proxy.ask(&Request::get("*")).status, 400);
}

#[test]
fn headers_that_override_method_or_target_are_removed() {
    let (upstream, proxy) = everything();
    let names = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "Method-Override",
        "_method",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Proxy-Url",
        "Disguised-Host",
        "X-Forwarded-Prefix",
        "x_http_method_override",
        "X.Original.URL",
    ];
    let request = names
        .iter()
        .fold(Request::get("/a"), |request, name| request.header(name, "DELETE"));
    assert_eq!(proxy.ask(&request.header("X-Kept", "1")).status, 200);
    let seen = upstream.only();
    for name in names {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("X-Kept"), Some("1"));
}

#[test]
fn connection_is_kept_after_a_rejected_target() {
    let (_upstream, proxy) = everything();
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/a%2fb")).status, 400);
    assert_eq!(client.ask(&Request::get("/a")).status, 200);
}

#[test]
fn target_the_http_layer_would_normalize_is_rejected() {
    let (upstream, proxy) = everything();
    for target in ["/a b", "/a?b c", "/a\u{1}b", "/a?b\u{1}c"] {
        let answer = proxy.ask(&Request::get(target));
        assert_eq!(
            (answer.status, answer.code()),
            (400, "HEAD_INVALID".to_owned()),
            "{target:?}"
        );
    }
    assert_eq!(upstream.count(), 0);
}

/// Starts a proxy with a gated path beside an open rest, both at one upstream with these `reads`.
fn gated(reads: &str) -> (Upstream, Proxy) {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream_at(
            "all",
            &format!("{{ endpoints: [\"{}\"]{reads} }}", upstream.address()),
        )
        .route("{ name: all, match: /**, upstream: all }")
        .route("{ name: board, match: /Api/board, gate: board, upstream: all }")
        .start();
    (upstream, proxy)
}

const SPELLINGS: [&str; 15] = [
    "/Api/board",
    "/api/BOARD",
    "/Api/board;v=1",
    "/Api/%2562oard",
    "/Api/x/..;/board",
    "/public/%252e%252e/Api/board",
    "/Api%252Fboard",
    "/Api%255Cboard",
    "/Api/%25u0062oard",
    "/Api%25C0%25AFboard",
    "/Api/board.",
    "/Api/board::$DATA",
    "/Api/board.json",
    "/Api/board.json;x=1",
    "/API/board%252ejson",
];

#[test]
fn every_reading_of_a_path_is_gated() {
    let (upstream, proxy) = gated("");
    for path in SPELLINGS {
        assert_eq!(proxy.get(path, "globex").code(), "NOT_FOUND", "{path}");
        assert_eq!(proxy.get(path, "").code(), "TOKEN_MISSING", "{path}");
    }
    assert_eq!(upstream.count(), 0);
    for path in SPELLINGS {
        assert_eq!(proxy.get(path, "acme").status, 200, "{path}");
        assert_eq!(upstream.last().target(), path);
    }
    let log = proxy.log(3 * SPELLINGS.len());
    let ambiguous = |line: &&serde_json::Value| line["ambiguous_target"] == true;
    assert_eq!(log.iter().filter(ambiguous).count(), 2 * (SPELLINGS.len() - 1));
    assert_eq!(
        proxy.metric("sluice_ambiguous_targets_total"),
        2.0 * (SPELLINGS.len() - 1) as f64
    );
}

#[test]
fn exact_upstream_is_gated_only_by_the_plain_path() {
    let (upstream, proxy) = gated(", reads: exact");
    assert_eq!(proxy.get("/Api/board", "globex").status, 404);
    for path in &SPELLINGS[1..] {
        assert_eq!(proxy.get(path, "").status, 200, "{path}");
    }
    assert_eq!(upstream.count(), SPELLINGS.len() - 1);
}

#[test]
fn upstream_configures_its_readings() {
    let (_upstream, proxy) = gated(", reads: [fold, params]");
    assert_eq!(proxy.get("/api/BOARD;v=1", "globex").status, 404);
    assert_eq!(proxy.get("/Api/%2562oard", "globex").status, 200);
}

#[test]
fn readings_are_those_of_the_selected_upstream() {
    let (exact, careless) = (Upstream::named("exact"), Upstream::named("careless"));
    let proxy = Proxy::builder()
        .upstream_at(
            "exact",
            &format!("{{ endpoints: [\"{}\"], reads: exact }}", exact.address()),
        )
        .upstream("careless", &careless)
        .route(
            "{ name: old, match: /old/**, gate: board, upstream: exact, otherwise: { upstream: careless } }",
        )
        .route("{ name: admin, match: /old/admin, gate: board, upstream: exact }")
        .with("unmatched: { upstream: exact }")
        .start();
    // With the flag the request goes to the upstream that reads exactly, without it to the other one.
    assert_eq!(proxy.get("/old/ADMIN", "acme").text(), "exact");
    assert_eq!(proxy.get("/old/ADMIN", "globex").code(), "NOT_FOUND");
    assert_eq!(proxy.get("/old/x", "globex").text(), "careless");
    assert_eq!(proxy.get("/OLD/admin", "").text(), "exact", "unmatched");
}

#[test]
fn path_with_too_many_readings_is_rejected() {
    let (upstream, proxy) = gated("");
    let path = format!(
        "/{}",
        "%25C0%25AF%25c0%25ae%3B/x;y/%252F..%253b%25252f%EF%BD%81b/.../c.%20/".repeat(40)
    );
    assert_eq!(proxy.get(&path, "acme").code(), "TARGET_INVALID");
    assert_eq!(upstream.count(), 0);
    assert_eq!(proxy.log(1)[0]["ambiguous_target"], true);
    // Behind a closed gate the answer is that of an unknown path, which has no readings.
    let hidden = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: hidden, match: /hidden/**, gate: board, upstream: all }")
        .start();
    for start in ["/hidden", "/unknown"] {
        let answer = hidden.get(&format!("{start}{path}"), "globex");
        assert_eq!(
            (answer.status, answer.code()),
            (404, "NOT_FOUND".to_owned()),
            "{start}"
        );
    }
    assert_eq!(
        hidden.get(&format!("/hidden{path}"), "acme").code(),
        "TARGET_INVALID"
    );
    assert_eq!(upstream.count(), 0);
}

/// Starts a proxy with a gate on a page, beside a file of the same name and an open rest.
fn site(reads: &str) -> (Upstream, Proxy) {
    let upstream = Upstream::named("all");
    let address = upstream.address();
    let proxy = Proxy::builder()
        .upstream_at("all", &format!("{{ endpoints: [\"{address}\"]{reads} }}"))
        .route("{ name: all, match: /**, upstream: all }")
        .route("{ name: app, match: /app, gate: board, upstream: all }")
        .route("{ name: script, match: { path: /app.js, methods: [GET] }, upstream: all }")
        .route("{ name: pages, match: \"/pages/{id}\", upstream: all }")
        .route("{ name: secret, match: /pages/secret, gate: board, upstream: all }")
        .start();
    (upstream, proxy)
}

#[test]
fn format_suffix_does_not_bypass_a_gate() {
    let (upstream, proxy) = site("");
    for path in [
        "/app.json",
        "/app.json/",
        "/app/.json",
        "/APP.XML;v=1",
        "/app.min.js",
        "/pages/secret.pdf",
    ] {
        assert_eq!(proxy.get(path, "globex").code(), "NOT_FOUND", "{path}");
        assert_eq!(proxy.get(path, "").code(), "TOKEN_MISSING", "{path}");
        assert_eq!(proxy.get(path, "acme").status, 200, "{path}");
        assert_eq!(upstream.last().target(), path, "forwarded as it was matched");
    }
    assert_eq!(upstream.count(), 6);
}

#[test]
fn format_suffix_of_another_name_is_not_gated() {
    let (_upstream, proxy) = site("");
    for path in [
        "/application.js",
        "/app.d/x",
        "/app.longer-than-a-format",
        "/pages/open.pdf",
        "/x/app.js",
    ] {
        assert_eq!(proxy.get(path, "globex").status, 200, "{path}");
    }
    assert_eq!(proxy.metric("sluice_ambiguous_targets_total"), 0.0);
}

#[test]
fn a_route_with_a_suffix_is_not_gated_by_the_path_without_it() {
    let (_upstream, proxy) = site("");
    assert_eq!(proxy.get("/app.js", "globex").status, 200);
    let posted = proxy.ask(&Request::post("/app.js", "").token(&proxy.token("globex")));
    assert_eq!(posted.code(), "NOT_FOUND", "the route takes no POST");
    assert_eq!(
        proxy.get("/app.js/", "globex").code(),
        "NOT_FOUND",
        "the route takes this path, which is not its own"
    );
    assert_eq!(
        proxy.get("/App.js", "globex").code(),
        "NOT_FOUND",
        "nor this path"
    );
}

#[test]
fn upstream_without_suffix_reading_is_not_gated_by_suffix() {
    for reads in [
        ", reads: exact",
        ", reads: [fold, params, decode, backslash, unicode, trailing]",
    ] {
        let (_upstream, proxy) = site(reads);
        assert_eq!(proxy.get("/app.json", "globex").status, 200, "{reads}");
    }
    let (_upstream, proxy) = site(", reads: [suffix]");
    assert_eq!(proxy.get("/app.json", "globex").status, 404);
    assert_eq!(proxy.get("/APP.json", "globex").status, 200);
}
