//! Requests on routes without a gate and without a route: a valid token identifies the caller there too, and anything
//! else is ignored (`auth: lenient`, edge.md section 4). The headers of an anonymous request (`headers.anonymous`).

use std::fmt::Write as _;

use proxy::FetchTiming;
use serde_json::{Value, json};
use testkit::{Client, H2Client, Issuer, KeyServer, Proxy, ProxyBuilder, Request, Upstream, now_seconds};
use tokens::Algorithm;

/// Headers with the decision, and the list of the flags that are on.
const HEADERS: &str = "headers: { tenant: X-Tenant-Id, user: X-User-Id, per_flag: [board, core], \
                       flags: { name: X-Flags, include: all } }";
/// Paths that a caller is identified on, if possible: an ungated route, one that says so, and no route.
const LENIENT: [&str; 3] = ["/plain", "/said", "/unmatched"];
/// Headers that only an identified request has.
const OF_CALLER: [&str; 5] = [
    "x-tenant-id",
    "x-user-id",
    "x-flags",
    "x-feature-board",
    "x-feature-core",
];

fn builder(upstream: &Upstream, headers: &str) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: plain, match: /plain, upstream: api }")
        .route("{ name: said, match: /said, auth: lenient, upstream: api }")
        .route("{ name: some, match: /some, auth: optional, upstream: api }")
        .route("{ name: unread, match: /unread, auth: none, upstream: api }")
        .with("unmatched: { upstream: api }")
        .with(headers)
}

/// Returns the values of the headers of the last request that only an identified one has.
fn of_caller(upstream: &Upstream) -> [Option<String>; 5] {
    let seen = upstream.last();
    OF_CALLER.map(|name| seen.header(name).map(str::to_owned))
}

fn some(values: [&str; 5]) -> [Option<String>; 5] {
    values.map(|value| Some(value.to_owned()))
}

fn ignored(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metric(&format!(
        "sluice_ignored_credentials_total{{reason=\"{reason}\"}}"
    ))
}

#[test]
fn ungated_and_unmatched_requests_tell_caller_and_flags() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, HEADERS).listening("h2c: true").start();
    for path in LENIENT {
        assert_eq!(proxy.get(path, "acme").status, 200, "{path}");
        let expected = some(["acme", "u-1", "board, core, theme;v=blue", "on", "on"]);
        assert_eq!(of_caller(&upstream), expected, "{path}");
        let mut client = H2Client::connect(proxy.address());
        assert_eq!(client.ask(&proxy.request(path, "globex")).status, 200, "{path}");
        let expected = some(["globex", "u-1", "core, theme;v=green", "off", "on"]);
        assert_eq!(of_caller(&upstream), expected, "{path} over HTTP/2");
    }
    assert_eq!(proxy.get("/unread", "acme").status, 200);
    assert_eq!(of_caller(&upstream), [const { None }; 5], "auth: none");
}

#[test]
fn any_other_credential_passes_unchanged_and_is_counted() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, HEADERS).start();
    let other = Issuer::new("https://other.test", Algorithm::Hs256, "test");
    let own = |change: &dyn Fn(&mut Value)| {
        let mut claims = proxy.issuer().claims("acme");
        change(&mut claims);
        proxy.issuer().sign(&claims)
    };
    let valid = proxy.token("acme");
    let mut forged = valid.clone();
    forged.replace_range(valid.len() - 4.., "AAAA");
    let tokens = [
        ("sk_live_51H8", "TOKEN_MALFORMED"),
        ("", "TOKEN_MALFORMED"),
        (&*forged, "TOKEN_BAD_SIGNATURE"),
        (&*other.token("acme"), "TOKEN_UNKNOWN_ISSUER"),
        (
            &*own(&|claims| claims["exp"] = json!(now_seconds() - 60)),
            "TOKEN_EXPIRED",
        ),
        (
            &*own(&|claims| claims["aud"] = json!("other")),
            "TOKEN_WRONG_AUDIENCE",
        ),
        (&*own(&|claims| claims["tenant"] = json!("")), "TENANT_MISSING"),
    ];
    for path in LENIENT {
        for (token, reason) in tokens {
            let before = ignored(&proxy, reason);
            let authorization = format!("Bearer {token}");
            let answer = proxy.ask(&Request::get(path).header("Authorization", &authorization));
            assert_eq!(answer.status, 200, "{path}: {reason}");
            assert_eq!(of_caller(&upstream), [const { None }; 5], "{path}: {reason}");
            let seen = upstream.last();
            assert_eq!(
                seen.header("authorization"),
                Some(authorization.trim_end()),
                "{path}"
            );
            assert_eq!(ignored(&proxy, reason) - before, 1.0, "{path}: {reason}");
        }
        let two = Request::get(path).token(&valid).token(&valid);
        assert_eq!(proxy.ask(&two).status, 200, "{path}");
        assert_eq!(upstream.last().head.values("authorization").len(), 2, "{path}");
        assert_eq!(of_caller(&upstream), [const { None }; 5], "{path}: two tokens");
        // Other schemes are no tokens, and nothing is ignored.
        let basic = Request::get(path).header("Authorization", "Basic dTpw");
        assert_eq!(proxy.ask(&basic).status, 200, "{path}");
        assert_eq!(
            upstream.last().header("authorization"),
            Some("Basic dTpw"),
            "{path}"
        );
    }
    assert_eq!(ignored(&proxy, "TOKEN_REPEATED"), 3.0);
    assert_eq!(proxy.get("/some", "").status, 200);
    let expired = Request::get("/some").token(tokens[4].0);
    assert_eq!(
        proxy.ask(&expired).status,
        401,
        "a bad token where one is optional"
    );
}

#[test]
fn an_unknown_tenant_that_is_rejected_is_anonymous() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, HEADERS)
        .flags("unknown_tenant: reject\nflags: { core: { kind: ops, default: on }, board: { kind: ops } }\ntenants: { acme: {} }")
        .start();
    assert_eq!(proxy.get("/plain", "acme").status, 200);
    assert_eq!(upstream.last().header("x-tenant-id"), Some("acme"));
    assert_eq!(proxy.get("/plain", "nobody").status, 200);
    assert_eq!(of_caller(&upstream), [const { None }; 5]);
    assert_eq!(ignored(&proxy, "TENANT_UNKNOWN"), 1.0);
}

#[test]
fn an_unknown_key_never_causes_a_fetch() {
    let upstream = Upstream::named("api");
    let issuer = |kid| Issuer::new("https://one.test", Algorithm::Es256, kid);
    let (known, unknown) = (issuer("k1"), issuer("k2"));
    let server = KeyServer::of(&[&known]);
    let eager = FetchTiming {
        cool_down: std::time::Duration::ZERO,
        absent_for: std::time::Duration::ZERO,
        ..FetchTiming::default()
    };
    let proxy = builder(&upstream, HEADERS)
        .route("{ name: strict, match: /strict, auth: required, upstream: api }")
        .issuer(&known, Algorithm::Es256, Some(&server))
        .fetch_timing(eager)
        .start();
    let ask = |path: &str, token: &str| proxy.ask(&Request::get(path).token(token)).status;
    assert_eq!(ask("/strict", &known.token("acme")), 200);
    let fetches = server.fetches();
    let mut forged = known.token("acme");
    let length = forged.len();
    forged.replace_range(length - 4.., "AAAA");
    for _ in 0..10 {
        assert_eq!(ask("/plain", &unknown.token("acme")), 200);
        assert_eq!(ask("/plain", &forged), 200);
    }
    assert_eq!(server.fetches(), fetches);
    assert_eq!(ignored(&proxy, "TOKEN_UNKNOWN_KEY"), 10.0);
    // The same token where one is required asks for new keys.
    assert_eq!(ask("/strict", &unknown.token("acme")), 401);
    assert!(server.fetches() > fetches);
}

#[test]
fn no_request_waits_for_keys_that_are_missing() {
    let upstream = Upstream::named("api");
    let issuer = Issuer::new("https://one.test", Algorithm::Es256, "k1");
    let server = KeyServer::broken();
    let proxy = builder(&upstream, HEADERS)
        .issuer(&issuer, Algorithm::Es256, Some(&server))
        .start();
    let answer = proxy.ask(&Request::get("/plain").token(&issuer.token("acme")));
    assert_eq!(answer.status, 200);
    assert_eq!(of_caller(&upstream), [const { None }; 5]);
    assert_eq!(ignored(&proxy, "KEYS_UNAVAILABLE"), 1.0);
}

#[test]
fn verifications_of_one_client_are_limited() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, HEADERS)
        .with("trusted_proxies: [127.0.0.1]")
        .start();
    let known = proxy.token("acme");
    let mut client = proxy.connect();
    let ask = |client: &mut Client, token: &str, address: &str| {
        let request = Request::get("/plain")
            .token(token)
            .header("X-Forwarded-For", address);
        assert_eq!(client.ask(&request).status, 200);
        upstream.last().header("x-tenant-id").map(str::to_owned)
    };
    assert_eq!(ask(&mut client, &known, "192.0.2.1").as_deref(), Some("acme"));
    let mut forged = known.clone();
    forged.replace_range(known.len() - 4.., "AAAA");
    let mut sent = 0;
    while ignored(&proxy, "SIGNATURE_BUDGET") < 10.0 {
        assert_eq!(ask(&mut client, &forged, "192.0.2.1"), None);
        sent += 1;
        assert!(sent < 20_000, "no limit");
    }
    assert!(sent > 900, "only {sent}");
    // Valid tokens cost nothing.
    for _ in 0..1_100 {
        let token = proxy.token("globex");
        assert_eq!(ask(&mut client, &token, "192.0.2.3").as_deref(), Some("globex"));
    }
    // A token that was verified before still counts, and so do other clients.
    assert_eq!(ask(&mut client, &known, "192.0.2.1").as_deref(), Some("acme"));
    assert_eq!(
        ask(&mut client, &proxy.token("globex"), "192.0.2.2").as_deref(),
        Some("globex")
    );
}

#[test]
fn a_path_with_a_stricter_reading_still_needs_its_token() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, HEADERS)
        .route("{ name: all, match: /**, upstream: api }")
        .route("{ name: admin, match: /admin/**, auth: required, upstream: api }")
        .start();
    let ask = |authorization: &str| {
        let request = Request::get("/ADMIN/x").header("Authorization", authorization);
        proxy.ask(&request).status
    };
    assert_eq!(ask("Bearer sk_live_51H8"), 401);
    assert_eq!(proxy.get("/ADMIN/x", "").status, 401);
    assert_eq!(proxy.get("/ADMIN/x", "acme").status, 200);
    assert_eq!(upstream.last().header("x-tenant-id"), Some("acme"));
    assert_eq!(proxy.get("/other", "").status, 200);
}

#[test]
fn unmatched_requests_can_require_or_skip_a_token() {
    let upstream = Upstream::named("api");
    let proxy = |unmatched: &str| {
        Proxy::builder()
            .upstream("api", &upstream)
            .with(unmatched)
            .with(HEADERS)
            .start()
    };
    let skipping = proxy("unmatched: { upstream: api, auth: none }");
    assert_eq!(skipping.get("/x", "acme").status, 200);
    assert_eq!(of_caller(&upstream), [const { None }; 5]);
    let requiring = proxy("unmatched: { upstream: api, auth: required }");
    assert_eq!(requiring.get("/x", "").status, 401);
    assert_eq!(requiring.get("/x", "acme").status, 200);
    assert_eq!(upstream.last().header("x-tenant-id"), Some("acme"));
}

/// Returns the flags that an anonymous request arrives with, on each of these paths: the list, and those of a flag that
/// is off and one that is on.
fn anonymous_flags(proxy: &Proxy, upstream: &Upstream, request: impl Fn(Request) -> Request) -> String {
    let mut found = String::new();
    for path in ["/plain", "/some", "/unread", "/unmatched"] {
        assert_eq!(proxy.ask(&request(Request::get(path))).status, 200, "{path}");
        let [tenant, user, list, board, core] = of_caller(upstream);
        assert_eq!((tenant, user), (None, None), "{path}");
        let values = [list, board, core].map(|value| value.unwrap_or_else(|| "-".to_owned()));
        let _ = write!(found, "{path} {}; ", values.join(" "));
    }
    found
}

#[test]
fn anonymous_headers_are_decided_or_omitted() {
    let upstream = Upstream::named("api");
    let proxy = |anonymous: &str| {
        let headers = HEADERS.replace("headers: {", &format!("headers: {{ {anonymous}"));
        builder(&upstream, &headers).start()
    };
    let flags = |anonymous: &str| anonymous_flags(&proxy(anonymous), &upstream, |request| request);
    let decided = "core off on";
    assert_eq!(
        flags("anonymous: decide, "),
        format!("/plain {decided}; /some {decided}; /unread {decided}; /unmatched {decided}; ")
    );
    assert_eq!(
        flags("anonymous: omit, "),
        "/plain - - -; /some - - -; /unread - - -; /unmatched - - -; "
    );
    assert_eq!(
        flags(""),
        format!("/plain - - -; /some {decided}; /unread - - -; /unmatched - - -; ")
    );
}

#[test]
fn the_id_of_a_visitor_lets_anonymous_flags_be_decided() {
    let upstream = Upstream::named("api");
    let split = "{ split: { on: 100, off: 0 }, by: visitor }";
    let proxy = builder(&upstream, HEADERS)
        .flags(&format!(
            "flags: {{ core: {{ kind: ops, default: on }}, board: {{ kind: ops, default: {split} }} }}"
        ))
        .with("identity: { attributes: { visitor: { cookie: vid }, country: { header: CF-IPCountry } } }")
        .start();
    let with =
        |name: &str, value: &str| anonymous_flags(&proxy, &upstream, |request| request.header(name, value));
    let decided = "board, core on on";
    assert_eq!(
        with("Cookie", "vid=v-1"),
        format!("/plain {decided}; /some {decided}; /unread {decided}; /unmatched {decided}; ")
    );
    // The sender of a refused token may be known to the application.
    let expired = Request::get("/plain")
        .header("Cookie", "vid=v-1")
        .token("sk_live_51H8");
    assert_eq!(proxy.ask(&expired).status, 200);
    assert_eq!(of_caller(&upstream), [const { None }; 5]);
    // Another attribute is no id.
    assert_eq!(
        with("CF-IPCountry", "DE"),
        "/plain - - -; /some core off on; /unread - - -; /unmatched - - -; "
    );
}

#[test]
fn omitted_headers_leave_no_members_of_a_client_in_baggage() {
    let upstream = Upstream::named("api");
    let headers = HEADERS.replace("headers: {", "headers: { baggage: true,");
    let proxy = builder(&upstream, &headers).start();
    let forged = "feature.board=on,mine=1";
    assert_eq!(
        proxy
            .ask(&Request::get("/plain").header("baggage", forged))
            .status,
        200
    );
    assert_eq!(upstream.last().header("baggage"), Some("mine=1"));
}
