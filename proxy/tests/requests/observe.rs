//! The access log and the metrics of requests: one line each, and counts without tenants and paths (edge.md section
//! 8).

use serde_json::json;
use testkit::{Proxy, Request, Upstream, eventually};

fn proxy(upstream: &Upstream) -> Proxy {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
        .route("{ name: plain, match: /plain, upstream: api }")
        .admin()
        .start()
}

#[test]
fn request_has_one_access_log_line() {
    let upstream = Upstream::named("api");
    let proxy = proxy(&upstream);
    let request = Request::post("/board?secret=1", "12345")
        .host("Shop.test:80")
        .token(&proxy.token("acme"));
    assert_eq!(proxy.ask(&request).status, 200);
    let seen = upstream.only();
    let line = proxy.log(1).remove(0);
    let expected = [
        ("method", json!("POST")),
        ("host", json!("shop.test")),
        ("path", json!("/board")),
        ("route", json!("board")),
        ("tenant", json!("acme")),
        ("user", json!("u-1")),
        ("outcome", json!("forwarded")),
        ("status", json!(200)),
        ("answered_by", json!("upstream")),
        ("upstream", json!("api")),
        ("client", json!("127.0.0.1")),
        ("request_bytes", json!(5)),
        ("response_bytes", json!(3)),
        ("request_id", json!(seen.header("x-request-id"))),
        (
            "gate",
            json!({ "verdict": "open", "decision": { "flag": "board", "variant": "on", "cause": "override" } }),
        ),
    ];
    for (name, value) in expected {
        assert_eq!(line[name], value, "{name}: {line:#}");
    }
    assert!(
        line["duration_us"].as_u64() >= line["upstream_us"].as_u64(),
        "{line:#}"
    );
    assert_eq!(line.get("query"), None);
}

#[test]
fn rejected_request_is_logged_and_no_line_has_a_token() {
    let upstream = Upstream::named("api");
    let proxy = proxy(&upstream);
    let mut client = proxy.connect();
    for (target, tenant) in [
        ("/board", "globex"),
        ("/board", ""),
        ("/nothing", "acme"),
        ("/a%2fb", ""),
    ] {
        client.ask(&proxy.request(target, tenant));
    }
    client.ask(&Request::get("/board").token("a.b.c"));
    let log = proxy.log(5);
    let reported: Vec<_> = log
        .iter()
        .map(|line| json!([line["outcome"], line["status"], line["error"]]))
        .collect();
    assert_eq!(
        reported,
        [
            json!(["rejected", 404, "NOT_FOUND"]),
            json!(["unauthenticated", 401, "TOKEN_MISSING"]),
            json!(["unmatched", 404, "NOT_FOUND"]),
            json!(["bad_request", 400, "TARGET_INVALID"]),
            json!(["unauthenticated", 401, "TOKEN_MALFORMED"]),
        ]
    );
    assert!(log.iter().all(|line| line["answered_by"] == "sluice"));
    let text = json!(log).to_string();
    assert!(
        !text.contains("a.b.c") && !text.contains(&proxy.token("acme")[..20]),
        "{text}"
    );
}

#[test]
fn query_is_logged_only_if_configured() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: plain, match: /plain, upstream: api }")
        .with("access_log: { output: stdout, query: true }")
        .start();
    proxy.get("/plain?a=b", "");
    assert_eq!(proxy.log(1)[0]["query"], "a=b");
}

#[test]
fn requests_decisions_and_refusals_are_counted() {
    let upstream = Upstream::named("api");
    let proxy = proxy(&upstream);
    let mut client = proxy.connect();
    for (target, tenant) in [
        ("/board", "acme"),
        ("/board", "globex"),
        ("/board", ""),
        ("/plain", ""),
        ("/none", ""),
    ] {
        client.ask(&proxy.request(target, tenant));
    }
    let requests = |route: &str, outcome: &str, status: &str| {
        proxy.metric(&format!(
            "sluice_requests_total{{route=\"{route}\",outcome=\"{outcome}\",status=\"{status}\"}}"
        ))
    };
    eventually("the last request to be counted", || {
        (requests("_unmatched", "unmatched", "4xx") == 1.0).then_some(())
    });
    assert_eq!(requests("board", "forwarded", "2xx"), 1.0);
    assert_eq!(requests("board", "rejected", "4xx"), 1.0);
    assert_eq!(requests("board", "unauthenticated", "4xx"), 1.0);
    assert_eq!(requests("plain", "forwarded", "2xx"), 1.0);
    let decisions = |variant: &str, cause: &str| {
        proxy.metric(&format!(
            "sluice_flag_decisions_total{{flag=\"board\",variant=\"{variant}\",cause=\"{cause}\"}}"
        ))
    };
    assert_eq!(
        (decisions("on", "override"), decisions("off", "default")),
        (1.0, 1.0)
    );
    assert_eq!(proxy.metric("sluice_rejections_total{reason=\"NOT_FOUND\"}"), 2.0);
    assert_eq!(
        proxy.metric("sluice_request_duration_seconds_count{route=\"board\"}"),
        3.0
    );
    let page = proxy.admin("/metrics");
    assert!(
        !page.text().contains("acme") && !page.text().contains("/board"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("sluice_snapshot_info{revision="));
}

#[test]
fn admin_listener_serves_livez_and_readyz() {
    let upstream = Upstream::named("api");
    let proxy = proxy(&upstream);
    assert_eq!(proxy.admin("/livez").status, 200);
    let ready = proxy.admin("/readyz?verbose");
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("snapshot: revision "), "{}", ready.text());
    assert_eq!(
        proxy.get("/metrics", "").status,
        404,
        "metrics on a public listener"
    );
}
