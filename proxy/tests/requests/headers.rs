//! The headers that an upstream receives, and that only the proxy sets them (edge.md section 6).

use serde_json::Value;
use testkit::{Proxy, ProxyBuilder, Recorded, Request, Upstream};

const ALL: &str = "headers:\n  tenant: X-Tenant-Id\n  user: X-User-Id\n  flags: { name: X-Feature-Flags, include: all }\n  \
                   revision: X-Flags-Revision\n  request_id: X-Request-Id\n  per_flag: [board, theme]\n";

/// Builds a proxy with every kind of path to an upstream: gated and open, gated and closed, ungated, without a token,
/// on no route.
fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api, otherwise: { upstream: api } }")
        .route("{ name: shadow, match: /shadow, gate: board, mode: shadow, upstream: api }")
        .route("{ name: plain, match: /plain, upstream: api }")
        .route("{ name: some, match: /some, auth: optional, upstream: api }")
        .with("unmatched: { upstream: api }")
}

const PATHS: [&str; 5] = ["/board", "/shadow", "/plain", "/some", "/unmatched"];

fn last(upstream: &Upstream, proxy: &Proxy, request: &Request) -> Recorded {
    let answer = proxy.ask(request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    upstream.last()
}

#[test]
fn an_upstream_receives_the_caller_and_the_enabled_flags() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).with(ALL).start();
    let seen = last(
        &upstream,
        &proxy,
        &Request::get("/board").token(&proxy.token("acme")),
    );
    assert_eq!(seen.header("X-Tenant-Id"), Some("acme"));
    assert_eq!(seen.header("X-User-Id"), Some("u-1"));
    assert_eq!(seen.header("X-Feature-Flags"), Some("board, core, theme;v=blue"));
    assert_eq!(seen.header("X-Feature-Board"), Some("on"));
    assert_eq!(seen.header("X-Feature-Theme"), Some("blue"));
    assert!(
        seen.header("X-Flags-Revision")
            .is_some_and(|revision| revision.len() == 12)
    );
    assert_eq!(seen.header("X-Request-Id").map(str::len), Some(32));
    let seen = last(
        &upstream,
        &proxy,
        &Request::get("/board").token(&proxy.token("globex")),
    );
    assert_eq!(seen.header("X-Feature-Flags"), Some("core, theme;v=green"));
    assert_eq!(seen.header("X-Feature-Board"), Some("off"));
}

#[test]
fn client_headers_never_arrive_under_an_injected_name() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).with(ALL).start();
    let names = [
        "X-Tenant-Id",
        "x-tenant-id",
        "X_Tenant_Id",
        "X.Tenant.Id",
        "X-Tenant_Id",
        "X-User-Id",
        "X-Feature-Flags",
        "X_Feature_Flags",
        "X-Flags-Revision",
        "X-Request-Id",
        "X-Feature-Board",
        "X-Feature-Other",
        "x.feature.other",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Anything",
        "X_Forwarded_For",
        "Forwarded",
        "Transfer_Encoding",
        "Content.Length",
        "Proxy",
        "X-Original-Path",
        "X-Envoy-Original-Path",
        "X-Request-URI",
        "X-HTTP-Verb",
        "X-Method",
        "X-Scheme",
        "X_URL_Scheme",
        "X-Forwarded",
    ];
    for path in PATHS {
        for token in ["acme", "globex", ""] {
            if token.is_empty() && matches!(path, "/board" | "/shadow") {
                continue;
            }
            let request = names
                .iter()
                .fold(Request::get(path), |request, name| request.header(name, "forged"));
            let request = if token.is_empty() {
                request
            } else {
                request.token(&proxy.token(token))
            };
            let seen = last(&upstream, &proxy, &request);
            let forged: Vec<_> = seen
                .head
                .headers
                .iter()
                .filter(|(_, value)| value.contains("forged"))
                .collect();
            assert!(forged.is_empty(), "{path} as {token:?}: {forged:?}");
        }
    }
}

#[test]
fn each_injected_header_arrives_once() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).with(ALL).start();
    let request = Request::get("/board")
        .token(&proxy.token("acme"))
        .header("X-Tenant-Id", "a")
        .header("x-tenant-id", "b");
    let seen = last(&upstream, &proxy, &request);
    for name in [
        "X-Tenant-Id",
        "X-Feature-Flags",
        "X-Request-Id",
        "X-Forwarded-For",
        "traceparent",
        "Host",
    ] {
        assert_eq!(seen.head.values(name).len(), 1, "{name}: {:?}", seen.head.headers);
    }
}

#[test]
fn a_client_can_not_remove_an_injected_header() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).with(ALL).start();
    let request = Request::get("/board")
        .token(&proxy.token("acme"))
        .header("Connection", "keep-alive, X-Tenant-Id, X-Feature-Flags, X-Own")
        .header("X-Own", "1");
    let seen = last(&upstream, &proxy, &request);
    assert_eq!(seen.header("X-Tenant-Id"), Some("acme"));
    assert_eq!(seen.header("X-Feature-Flags"), Some("board, core, theme;v=blue"));
    assert_eq!(seen.header("X-Own"), None);
    assert_eq!(seen.header("Connection"), None);
}

#[test]
fn hop_by_hop_headers_are_removed_in_both_directions() {
    let upstream = Upstream::answering(|_, stream| {
        testkit::reply(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n\
             Proxy-Authenticate: Basic\r\nX-Kept: 1\r\n\r\nok",
        )
    });
    let proxy = builder(&upstream).start();
    let request = Request::get("/plain")
        .header("Keep-Alive", "1")
        .header("TE", "trailers")
        .header("Proxy-Connection", "a");
    let answer = proxy.ask(&request.header("Upgrade", "h2c").header("Accept-Language", "de"));
    for name in ["Keep-Alive", "TE", "Proxy-Connection", "Upgrade", "Connection"] {
        assert_eq!(upstream.only().header(name), None, "{name}");
    }
    assert_eq!(upstream.only().header("Accept-Language"), Some("de"));
    for name in ["X-Hop", "Keep-Alive", "Proxy-Authenticate"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!((answer.header("X-Kept"), answer.text()), (Some("1"), "ok"));
}

#[test]
fn injected_headers_can_be_renamed_or_omitted() {
    let upstream = Upstream::named("api");
    let headers = "headers: { tenant: X-Org, user: off, flags: off, revision: off, request_id: off }";
    let proxy = builder(&upstream).with(headers).start();
    let request = Request::get("/board")
        .token(&proxy.token("acme"))
        .header("X-Org", "forged");
    let seen = last(&upstream, &proxy, &request);
    assert_eq!(seen.head.values("X-Org"), ["acme"]);
    for name in [
        "X-Tenant-Id",
        "X-User-Id",
        "X-Feature-Flags",
        "X-Flags-Revision",
        "X-Request-Id",
    ] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[test]
fn flags_header_is_configured_by_route_or_document() {
    for (include, expected) in [
        ("route", "board"),
        ("all", "board, core, theme;v=blue"),
        ("[theme, old]", "theme;v=blue"),
    ] {
        let upstream = Upstream::named("api");
        let headers = format!("headers: {{ flags: {{ name: X-Feature-Flags, include: {include} }} }}");
        let proxy = builder(&upstream).with(&headers).start();
        let seen = last(
            &upstream,
            &proxy,
            &Request::get("/board").token(&proxy.token("acme")),
        );
        assert_eq!(seen.header("X-Feature-Flags"), Some(expected), "{include}");
    }
}

#[test]
fn flags_header_over_budget_is_truncated_and_counted() {
    let upstream = Upstream::named("api");
    let keys: Vec<_> = (0..9).map(|n| format!("a-flag-with-a-long-name-{n}")).collect();
    let flags: Vec<_> = keys
        .iter()
        .map(|key| format!("{key}: {{ kind: ops, default: on }}"))
        .collect();
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: plain, match: /plain, upstream: api }")
        .flags(&format!("flags: {{ {} }}", flags.join(", ")))
        .with("headers: { flags: { name: X-Feature-Flags, include: all, budget: 100 }, anonymous: decide }")
        .start();
    let seen = last(&upstream, &proxy, &Request::get("/plain"));
    let list = seen.header("X-Feature-Flags").unwrap();
    assert_eq!(list, format!("{}, {}, {};truncated", keys[0], keys[1], keys[2]));
    assert_eq!(proxy.metric("sluice_truncated_flag_headers_total"), 1.0);
}

#[test]
fn forwarded_request_names_its_client() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let seen = last(
        &upstream,
        &proxy,
        &Request::get("/plain")
            .host("shop.test:8080")
            .header("Via", "1.0 edge"),
    );
    assert_eq!(seen.header("X-Forwarded-For"), Some("127.0.0.1"));
    assert_eq!(seen.header("X-Forwarded-Proto"), Some("http"));
    assert_eq!(seen.header("X-Forwarded-Host"), Some("shop.test:8080"));
    assert_eq!(
        seen.header("Forwarded"),
        Some("for=127.0.0.1;host=\"shop.test:8080\";proto=http")
    );
    assert_eq!(seen.header("Host"), Some("shop.test:8080"));
    assert_eq!(seen.head.values("Via"), ["1.0 edge", "1.1 sluice"]);
}

#[test]
fn a_trace_is_continued_or_started() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let seen = last(
        &upstream,
        &proxy,
        &Request::get("/plain")
            .header("traceparent", &parent)
            .header("tracestate", "a=b"),
    );
    let sent = seen.header("traceparent").unwrap();
    assert!(
        sent.starts_with(&format!("00-{trace}-")) && sent.ends_with("-01") && sent != parent,
        "{sent}"
    );
    assert_eq!(seen.header("tracestate"), Some("a=b"));

    let seen = last(
        &upstream,
        &proxy,
        &Request::get("/plain")
            .header("traceparent", "x")
            .header("tracestate", "a=b"),
    );
    assert_eq!(seen.header("traceparent").map(str::len), Some(55));
    assert_eq!(seen.header("tracestate"), None);
    let (continued, started): (Vec<Value>, _) = proxy
        .log(2)
        .into_iter()
        .partition(|line| line["trace_id"] == trace);
    assert_eq!(continued.len(), 1);
    assert_eq!(started[0]["trace_id"], started[0]["request_id"]);
}

#[test]
fn connection_naming_protected_headers_is_rejected() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for named in [
        "Host",
        "X-Forwarded-For",
        "a, b, c, d, e, f, g, h, i, j, k",
        "\"X-Tenant-Id\"",
        ":authority",
    ] {
        let refused = proxy.ask(&Request::get("/plain").header("Connection", named));
        assert_eq!(
            (refused.status, refused.code()),
            (400, "REQUEST_INVALID".to_owned()),
            "{named}"
        );
    }
    assert_eq!(upstream.count(), 0);
    let framing = Request::post("/plain", "a body").header("Connection", "Content-Length");
    assert_eq!(last(&upstream, &proxy, &framing).body, b"a body");
}

#[test]
fn aliases_of_read_headers_are_removed() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: beta, match: { path: /a, headers: { X-Channel: beta } }, upstream: api }")
        .route("{ name: own, match: /own, auth: required, upstream: api }")
        .with(
            "identity: { token: { header: X-Own-Token }, attributes: { country: { header: CF-IPCountry } } }",
        )
        .start();
    let token = proxy.token("acme");
    let read = [
        ("X-Channel", "beta"),
        ("X-Own-Token", &*token),
        ("CF-IPCountry", "DE"),
    ];
    for path in ["/a", "/own"] {
        let request = ["X_Channel", "x.own.token", "X_Own-Token", "CF_IPCountry"]
            .iter()
            .fold(Request::get(path), |request, alias| {
                request.header(alias, "forged")
            });
        let request = read
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        let seen = last(&upstream, &proxy, &request);
        let forged = seen.head.headers.iter().filter(|(_, value)| value == "forged");
        assert_eq!(
            forged.collect::<Vec<_>>(),
            Vec::<&(String, String)>::new(),
            "{path}"
        );
        for (name, value) in read {
            assert_eq!(seen.head.values(name), [value], "{path}");
        }
    }
}

#[test]
fn headers_that_the_operator_lists_are_removed() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("headers: { remove: [X-Internal-User, Debug] }")
        .with("trusted_proxies: [127.0.0.1]")
        .start();
    for path in PATHS {
        let request = Request::get(path)
            .token(&proxy.token("acme"))
            .header("x-internal-user", "forged")
            .header("X_Internal_User", "forged")
            .header("DEBUG", "forged")
            .header("X-Internal-Users", "kept");
        let seen = last(&upstream, &proxy, &request);
        let forged = seen.head.headers.iter().filter(|(_, value)| value == "forged");
        assert_eq!(forged.count(), 0, "{path}");
        assert_eq!(seen.header("X-Internal-Users"), Some("kept"), "{path}");
    }
}
