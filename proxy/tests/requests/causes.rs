//! The cause of a refusal: it is in the access log, and never in the answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{Issuer, KeyServer, Proxy, ProxyBuilder, Request, Upstream, eventually};
use tokens::Algorithm;

/// The codes that say all, or whose facts are in other fields of the line.
const SAY_ALL: [&str; 36] = [
    "HEAD_TIMEOUT",
    "METHOD_NOT_ALLOWED",
    "BODY_INVALID",
    "BODY_TIMEOUT",
    "TOKEN_MISSING",
    "TOKEN_REPEATED",
    // Certificates have no other values; tenants are those of the token or certificate.
    "CERTIFICATE_EXPIRED",
    "TENANT_MISSING",
    "TENANT_UNKNOWN",
    // `gate` has the flag, the variant and the cause.
    "NOT_FOUND",
    "NO_ROUTE",
    "FEATURE_NOT_ENABLED",
    "FEATURE_UNDECIDED",
    "FLAG_NOT_FOUND",
    // `route` and `client` have whose limit it is.
    "RATE_LIMITED",
    "CLIENT_LIMIT",
    "OVERLOADED",
    // The process log has the panic.
    "INTERNAL",
    // `upstream` and `endpoint`; the first group also has the cause of the last attempt.
    "UPSTREAM_UNREACHABLE",
    "UPSTREAM_FAILED",
    "UPSTREAM_INVALID",
    "UPSTREAM_TLS_FAILED",
    "UPSTREAM_CONNECT_TIMEOUT",
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_OVERLOADED",
    "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_UNRESOLVED",
    // They have the issuer as their cause, and say the rest.
    "TOKEN_REPEATED_NAME",
    "TOKEN_CRITICAL_HEADER",
    "TOKEN_WRONG_TYPE",
    "TOKEN_KEY_NOT_NAMED",
    "TOKEN_NOT_YET_VALID",
    "TOKEN_TOO_OLD",
    "TOKEN_MISSING_CLAIM",
    "TOKEN_INVALID_CLAIM",
    "KEYS_UNAVAILABLE",
];

fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: api, match: /api, auth: required, upstream: api }")
        .route("{ name: open, match: /open, auth: none, upstream: api, body_limit: 1KiB }")
}

/// Returns a token whose claims are changed.
fn token(proxy: &Proxy, change: impl Fn(&mut Value)) -> String {
    let mut claims = proxy.issuer().claims("acme");
    change(&mut claims);
    proxy.issuer().sign(&claims)
}

#[test]
fn each_code_has_its_cause_in_the_log_or_says_all() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let other_algorithm = Issuer::new("https://login.test", Algorithm::Es256, "k1");
    let valid = token(&proxy, |_| ());
    let cut = valid.rsplit_once('.').unwrap().0;
    let with = |token: String| Request::get("/api").token(&token);
    let iss = proxy.issuer().claims("acme")["iss"].as_str().unwrap().to_owned();
    let requests = [
        ("TARGET_INVALID", Request::get("/a%2fb"), "slash"),
        ("TARGET_INVALID", Request::get("/a\\b"), "backslash"),
        ("HOST_INVALID", Request::get("/open").host("a b"), ""),
        (
            "HEAD_INVALID",
            Request::new("get", "/open"),
            "differs from GET only in case",
        ),
        (
            "REQUEST_INVALID",
            Request::get("/open").header("connection", "host"),
            "protected name",
        ),
        (
            "FRAMING_INVALID",
            Request::get("/open").header("content-length", "x"),
            "",
        ),
        (
            "HEAD_TOO_LARGE",
            Request::get("/open").header("x-long", &"a".repeat(200_000)),
            "",
        ),
        (
            "BODY_TOO_LARGE",
            Request::post("/open", "a".repeat(2_000)),
            "the limit is 1024 bytes",
        ),
        ("TOKEN_MALFORMED", with("a.b.c".into()), "a token of 5 bytes"),
        (
            "TOKEN_TOO_LARGE",
            with(format!("{}.b.c", "a".repeat(17_000))),
            "bytes",
        ),
        (
            "TOKEN_UNKNOWN_ISSUER",
            with(token(&proxy, |claims| {
                claims["iss"] = json!("https://evil.example")
            })),
            "`iss` is `https://evil.example`; configured: `",
        ),
        (
            "TOKEN_WRONG_AUDIENCE",
            with(token(&proxy, |claims| claims["aud"] = json!(["one", "two"]))),
            "`aud` is `one`, `two`; configured: `",
        ),
        (
            "TOKEN_EXPIRED",
            with(token(&proxy, |claims| claims["exp"] = json!(1))),
            &*iss,
        ),
        ("TOKEN_BAD_SIGNATURE", with(format!("{cut}.AAAA")), &*iss),
        (
            "TOKEN_ALGORITHM_NOT_ALLOWED",
            with(other_algorithm.token("acme")),
            "`alg` is ES256; configured: `HS256`",
        ),
        (
            "TOKEN_UNSUPPORTED_ALGORITHM",
            with("eyJhbGciOiJub25lIn0.e30.x".into()),
            "a token of 25 bytes",
        ),
    ];
    let mut wrong = Vec::new();
    let mut seen: BTreeSet<&str> = SAY_ALL.into();
    // `an_unknown_key_is_named_in_the_log`.
    seen.insert("TOKEN_UNKNOWN_KEY");
    for (count, (code, request, part)) in requests.iter().enumerate() {
        let answer = proxy.ask(request);
        let line = proxy.log(count + 1).pop().unwrap();
        let cause = line["cause"].as_str().unwrap_or_default();
        let is_caused = !cause.is_empty() && cause.contains(part) && cause.len() <= 256;
        if line["error"] != *code || !is_caused {
            wrong.push(format!("{code}: {line:#}"));
        }
        assert!(!answer.text().contains(cause), "{code}: {}", answer.text());
        seen.insert(code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let source = include_str!("../../src/answer/code.rs");
    let is_code = |text: &&str| text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let codes = source.split('"').skip(1).step_by(2).filter(is_code);
    let missing: Vec<&str> = codes.filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn an_unknown_key_is_named_in_the_log() {
    let upstream = Upstream::named("api");
    let published = Issuer::new("https://keys.test", Algorithm::Es256, "k1");
    let other = Issuer::new("https://keys.test", Algorithm::Es256, "other-kid");
    let keys = KeyServer::of(&[&published]);
    let proxy = builder(&upstream)
        .issuer(&published, Algorithm::Es256, Some(&keys))
        .start();
    let mut asked = 1;
    eventually("the keys", || {
        asked += 1;
        let request = Request::get("/api").token(&published.token("acme"));
        (proxy.ask(&request).status == 200).then_some(())
    });
    let refused = proxy.ask(&Request::get("/api").token(&other.token("acme")));
    assert_eq!(refused.code(), "TOKEN_UNKNOWN_KEY");
    let line = proxy.log(asked).pop().unwrap();
    let cause = "issuer `https://keys.test`: `kid` is `other-kid`, which is none of its keys";
    assert_eq!(line["cause"], cause, "{line:#}");
}

#[test]
fn values_in_a_cause_are_bounded_and_masked() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let secret = "eyJhbGciOiJFUzI1NiJ9.eyJvcmciOiJwbGFudGVkIn0.cGxhbnRlZC1zaWduYXR1cmU";
    let issuers = [
        format!("https://evil.example/{}", "a".repeat(5_000)),
        format!("line\nbreak\u{1b}[31m {secret}"),
        "https://ops:planted-password@evil.example/".to_owned(),
    ];
    for (count, issuer) in issuers.iter().enumerate() {
        let forged = token(&proxy, |claims| claims["iss"] = json!(issuer));
        assert_eq!(
            proxy.ask(&Request::get("/api").token(&forged)).code(),
            "TOKEN_UNKNOWN_ISSUER"
        );
        let line = proxy.log(count + 1).pop().unwrap();
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.len() <= 256 && cause.contains("configured: `"), "{cause}");
        for planted in ["\n", "\u{1b}", "cGxhbnRlZC", "planted-password"] {
            assert!(!cause.contains(planted), "{cause}");
        }
    }
}
