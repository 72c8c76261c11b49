//! Gates (edge.md section 5): open to some callers, a configured answer for all others, and no request past a closed
//! gate.

use serde_json::json;
use testkit::{Proxy, Request, Response, Upstream};

#[test]
fn open_gate_forwards_to_the_upstream() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: board, match: /board, gate: board, upstream: new }")
        .start();
    let answer = proxy.get("/board", "acme");
    assert_eq!((answer.status, answer.text()), (200, "new"));
    assert_eq!(upstream.only().target(), "/board");
}

#[test]
fn a_closed_gate_never_reaches_an_upstream() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: board, match: /board/**, gate: board, upstream: new }")
        .start();
    for target in [
        "/board",
        "/board/",
        "/board/a",
        "//board",
        "/x/../board",
        "/%62oard",
        "/x/%2e%2e/board/b",
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PURGE"] {
            let mut client = proxy.connect();
            client.send(Request::new(method, target).token(&proxy.token("globex")).bytes());
            assert_eq!(client.response_to(method).status, 404, "{method} {target}");
        }
    }
    assert_eq!(upstream.count(), 0);
}

/// Returns everything by which a client can tell two responses apart.
fn traits(answer: &Response) -> (u16, Vec<(String, String)>, serde_json::Value) {
    let mut body = answer.json();
    body["request_id"] = json!("...");
    let headers = answer
        .head
        .headers
        .iter()
        .filter(|(name, _)| name != "Date")
        .cloned()
        .collect();
    (answer.status, headers, body)
}

#[test]
fn closed_gate_answers_like_an_unknown_path() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: board, match: /board, gate: board, upstream: new }")
        .start();
    let (closed, unknown) = (proxy.get("/board", "globex"), proxy.get("/nothing", "globex"));
    assert_eq!(traits(&closed), traits(&unknown));
    assert_eq!((closed.status, closed.code()), (404, "NOT_FOUND".to_owned()));
    assert_ne!(closed.json()["request_id"], unknown.json()["request_id"]);
}

/// Checks the responses to acme (`open`) and globex (`closed`) on a route with these fields. An upstream responds
/// with its name.
#[track_caller]
fn check(fields: &str, open: (u16, &str), closed: (u16, &str)) {
    let (new, old) = (Upstream::named("new"), Upstream::named("old"));
    let proxy = Proxy::builder()
        .upstream("new", &new)
        .upstream("old", &old)
        .file("gone.html", b"<p>gone")
        .route(&format!("{{ name: board, match: /board, {fields} }}"))
        .start();
    for (tenant, (status, body)) in [("acme", open), ("globex", closed)] {
        let answer = proxy.get("/board", tenant);
        let found = match answer.header("content-type") {
            Some("application/problem+json") => answer.code(),
            _ => answer.text().to_owned(),
        };
        assert_eq!((answer.status, &*found), (status, body), "{tenant}: {fields}");
    }
    let asked = [open, closed]
        .iter()
        .filter(|(_, body)| matches!(*body, "new" | "old"))
        .count();
    assert_eq!(new.count() + old.count(), asked, "{fields}");
}

#[test]
fn closed_gate_answers_as_the_route_configures() {
    check("gate: board, upstream: new", (200, "new"), (404, "NOT_FOUND"));
    let refused = "gate: board, upstream: new, otherwise: { reject: 403 }";
    check(refused, (200, "new"), (403, "FEATURE_NOT_ENABLED"));
    let existing = "gate: board, upstream: new, otherwise: { upstream: old }";
    check(existing, (200, "new"), (200, "old"));
    let body = "{ file: gone.html, content_type: text/html }";
    let own = format!("gate: board, upstream: new, otherwise: {{ reject: 410, body: {body} }}");
    check(&own, (200, "new"), (410, "<p>gone"));
    check(
        "gate: board, upstream: new, otherwise: { redirect: \"https://a.example/b\" }",
        (200, "new"),
        (302, ""),
    );
}

#[test]
fn a_gate_is_an_expression_over_flags() {
    check(
        "gate: { flag: theme, is: blue }, upstream: new",
        (200, "new"),
        (404, "NOT_FOUND"),
    );
    check(
        "gate: { all: [core, board] }, upstream: new",
        (200, "new"),
        (404, "NOT_FOUND"),
    );
    check(
        "gate: { any: [old, board] }, upstream: new",
        (200, "new"),
        (404, "NOT_FOUND"),
    );
    check("gate: { not: old }, upstream: new", (200, "new"), (200, "new"));
    check(
        "gate: { not: board }, upstream: new",
        (404, "NOT_FOUND"),
        (200, "new"),
    );
    check("gate: old, upstream: new", (404, "NOT_FOUND"), (404, "NOT_FOUND"));
}

#[test]
fn the_served_variant_chooses_the_upstream() {
    let variants = "gate: theme, variants: { blue: new, green: old }, upstream: new";
    check(variants, (200, "new"), (200, "old"));
}

#[test]
fn redirect_has_its_location_and_status() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route(
            "{ name: b, match: /b, gate: board, upstream: new, otherwise: { redirect: /old, status: 307 } }",
        )
        .start();
    let answer = proxy.get("/b", "globex");
    assert_eq!((answer.status, answer.header("location")), (307, Some("/old")));
}

#[test]
fn revealing_rejection_names_the_flag_and_remedy() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: b, match: /b, gate: beta, upstream: new, otherwise: { reject: 403, reveal: true } }")
        .route("{ name: p, match: /p, gate: paid, upstream: new, otherwise: { reject: 403, reveal: true } }")
        .flags(
            "tiers: [small, large]\n\
             flags: { beta: { lifecycle: beta }, paid: { kind: permission, tiers: { large: on } } }\n\
             tenants: { acme: { tier: small, opt_out: [paid] }, globex: { tier: small } }",
        )
        .start();
    let reported = |path, tenant| {
        let problem = proxy.get(path, tenant).json();
        let reported = ["code", "flag", "opt_in", "higher_tier"].map(|name| problem[name].clone());
        serde_json::Value::from(reported.to_vec())
    };
    assert_eq!(
        reported("/b", "globex"),
        json!(["FEATURE_NOT_ENABLED", "beta", true, false])
    );
    assert_eq!(
        reported("/p", "globex"),
        json!(["FEATURE_NOT_ENABLED", "paid", true, true])
    );
    assert_eq!(
        reported("/p", "acme"),
        json!(["FEATURE_NOT_ENABLED", "paid", true, false])
    );
}

#[test]
fn route_answers_by_cause() {
    let (new, old) = (Upstream::named("new"), Upstream::named("old"));
    let proxy = Proxy::builder()
        .upstream("new", &new)
        .upstream("old", &old)
        .route(
            "{ name: b, match: /b, gate: board, upstream: new, otherwise: { reject: 403, \
             causes: { override: { upstream: old }, default: { reject: 404 } } } }",
        )
        .flags(
            "flags: { board: { lifecycle: ga } }\n\
             tenants: { acme: { overrides: { board: off } }, globex: {}, initech: { opt_out: [board] } }",
        )
        .start();
    assert_eq!(proxy.get("/b", "acme").text(), "old");
    assert_eq!(proxy.get("/b", "globex").status, 404);
    assert_eq!(proxy.get("/b", "initech").status, 403);
}

#[test]
fn shadow_gate_admits_all_and_logs_rejections() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: board, match: /board, gate: board, mode: shadow, upstream: new }")
        .start();
    let mut client = proxy.connect();
    for tenant in ["acme", "globex"] {
        assert_eq!(client.ask(&proxy.request("/board", tenant)).text(), "new");
    }
    let log = proxy.log(2);
    assert_eq!(
        (&log[0]["outcome"], &log[1]["outcome"]),
        (&json!("forwarded"), &json!("shadowed"))
    );
    assert_eq!(log[1]["gate"]["verdict"], "closed");
    let shadowed = "sluice_requests_total{route=\"board\",outcome=\"shadowed\",status=\"2xx\"}";
    assert_eq!(proxy.metric(shadowed), 1.0);
}

#[test]
fn a_shadow_route_passes_a_missing_or_refused_token() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: board, match: /board, gate: board, mode: shadow, upstream: new }")
        .route("{ name: core, match: /core, gate: core, auth: required, mode: shadow, upstream: new }")
        .with("headers: { tenant: X-Tenant-Id }")
        .start();
    let mut claims = proxy.issuer().claims("acme");
    claims["tenant"] = json!(null);
    let nameless = proxy.issuer().sign(&claims);
    let cases = [
        (Request::get("/board"), "TOKEN_MISSING"),
        (Request::get("/board").token("a.b.c"), "TOKEN_MALFORMED"),
        (Request::get("/board").token(&nameless), "TENANT_MISSING"),
        (Request::get("/core"), "TOKEN_MISSING"),
    ];
    let mut client = proxy.connect();
    for (request, code) in &cases {
        assert_eq!(client.ask(request).text(), "new", "{code}");
        assert_eq!(upstream.last().header("x-tenant-id"), None, "{code}");
    }
    for (line, (_, code)) in proxy.log(cases.len()).iter().zip(&cases) {
        assert_eq!(
            (&line["outcome"], &line["error"]),
            (&json!("shadowed"), &json!(code))
        );
    }
    assert_eq!(
        proxy.metric("sluice_rejections_total{reason=\"TOKEN_MISSING\"}"),
        2.0
    );
}

#[test]
fn an_anonymous_request_is_decided_without_a_tenant() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: core, match: /core, gate: core, auth: none, upstream: new }")
        .route("{ name: board, match: /board, gate: board, auth: optional, upstream: new }")
        .start();
    assert_eq!(proxy.get("/core", "").status, 200);
    assert_eq!(proxy.get("/board", "").status, 404);
    assert_eq!(proxy.get("/board", "acme").status, 200);
}

#[test]
fn edited_flag_changes_the_response() {
    let upstream = Upstream::named("new");
    let proxy = Proxy::builder()
        .upstream("new", &upstream)
        .route("{ name: board, match: /board, gate: board, upstream: new }")
        .start();
    assert_eq!(proxy.get("/board", "globex").status, 404);
    proxy.reload(
        "flags.yaml",
        "overrides: { theme: green }",
        "overrides: { theme: green, board: on }",
    );
    assert_eq!(proxy.get("/board", "globex").status, 200);
    proxy.reload(
        "flags.yaml",
        "board: { lifecycle: ga }",
        "board: { lifecycle: ga, enabled: false }",
    );
    assert_eq!(proxy.get("/board", "globex").status, 404);
    assert_eq!(proxy.get("/board", "acme").status, 404);
}

/// Starts a proxy with a gate for all, and an open route for requests with `X-Api: v1` or the like.
fn by_header(upstream: &Upstream) -> Proxy {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: gated, match: /h/**, gate: board, preflight: open, upstream: api }")
        .route("{ name: api, match: { path: /h/**, headers: { X-Api: v1 } }, upstream: api }")
        .route("{ name: reported, match: { path: /h/**, headers: { X-Forwarded-Proto: https } }, upstream: api }")
        .start()
}

#[test]
fn header_removed_by_connection_matches_no_route() {
    let upstream = Upstream::named("api");
    let proxy = by_header(&upstream);
    let globex = || Request::get("/h/a").token(&proxy.token("globex"));
    assert_eq!(proxy.ask(&globex().header("X-Api", "v1")).status, 200);
    assert_eq!(upstream.only().header("X-Api"), Some("v1"));
    for connection in ["X-Api", "close, x-api", ",,keep-alive ,\tX-API"] {
        let request = globex().header("X-Api", "v1").header("Connection", connection);
        assert_eq!(proxy.ask(&request).status, 404, "{connection}");
    }
    let reported = globex().header("X-Forwarded-Proto", "https");
    assert_eq!(proxy.ask(&reported).status, 404);
    assert_eq!(upstream.count(), 1);
}

#[test]
fn preflight_route_is_chosen_by_its_own_headers() {
    let upstream = Upstream::named("api");
    let proxy = by_header(&upstream);
    let preflight = |origin, method| {
        Request::new("OPTIONS", "/h/a")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", method)
    };
    let whole = || preflight("https://elsewhere.test", "PUT");
    assert_eq!(proxy.ask(&whole()).status, 200);
    for refused in [
        preflight("", "PUT"),
        preflight("https://elsewhere.test", ""),
        whole().header("Connection", "Origin"),
        whole().header("Connection", "Access-Control-Request-Method"),
        whole()
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket"),
        whole().header("Upgrade", "websocket"),
    ] {
        assert_eq!(proxy.ask(&refused).status, 401, "{refused:?}");
    }
    assert_eq!(upstream.count(), 1);
}

#[test]
fn method_case_does_not_bypass_a_gate() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: gated, match: { path: /m, methods: [POST] }, gate: board, upstream: api }")
        .route("{ name: rest, match: /m, upstream: api }")
        .start();
    for method in ["post", "Post", "pOST", "get", "Options", "connect"] {
        let answer = proxy.ask(&Request::new(method, "/m"));
        assert_eq!(
            (answer.status, answer.code()),
            (400, "HEAD_INVALID".to_owned()),
            "{method}"
        );
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(
        proxy.ask(&Request::new("purge", "/m")).status,
        200,
        "a method of its own"
    );
}
