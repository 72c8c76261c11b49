//! The caller of a request, which only a valid token proves (edge.md section 4).

use serde_json::{Value, json};
use testkit::{Issuer, Proxy, ProxyBuilder, Request, Response, Upstream, eventually, now_seconds};
use tokens::Algorithm;

/// Builds a proxy with one route that needs a tenant, and a recording upstream.
fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: api, match: /api, auth: required, upstream: api }")
        .with("headers: { tenant: X-Tenant-Id, user: X-User-Id, flags: { name: X-Flags, include: all } }")
}

fn ask(proxy: &Proxy, authorization: &str) -> Response {
    proxy.ask(&Request::get("/api").header("Authorization", authorization))
}

#[track_caller]
fn check_unauthenticated(answer: &Response, code: &str) {
    assert_eq!((answer.status, &*answer.code()), (401, code));
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer realm=\"sluice\""), "{challenge}");
    assert_eq!(
        challenge.contains("error=\"invalid_token\""),
        code != "TOKEN_MISSING",
        "{challenge}"
    );
}

#[test]
fn valid_token_sets_the_caller_and_is_forwarded() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", proxy.token("acme"));
        assert_eq!(ask(&proxy, &authorization).status, 200);
        let seen = upstream.last();
        assert_eq!(seen.header("x-tenant-id"), Some("acme"));
        assert_eq!(seen.header("x-user-id"), Some("u-1"));
        assert_eq!(seen.header("authorization"), Some(&*authorization));
    }
}

#[test]
fn a_missing_or_repeated_token_is_a_401() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    check_unauthenticated(&proxy.get("/api", ""), "TOKEN_MISSING");
    check_unauthenticated(&ask(&proxy, "Basic dTpw"), "TOKEN_MISSING");
    let token = proxy.token("acme");
    check_unauthenticated(
        &proxy.ask(&Request::get("/api").token(&token).token(&token)),
        "TOKEN_REPEATED",
    );
    assert_eq!(upstream.count(), 0);
}

/// Returns the code that a token of these claims is refused with; `200` if it is accepted.
fn code_of(proxy: &Proxy, change: impl Fn(&mut Value)) -> String {
    let mut claims = proxy.issuer().claims("acme");
    change(&mut claims);
    let answer = ask(proxy, &format!("Bearer {}", proxy.issuer().sign(&claims)));
    if answer.status == 200 {
        "200".to_owned()
    } else {
        format!("{} {}", answer.status, answer.code())
    }
}

#[test]
fn invalid_token_is_rejected_with_its_reason() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let now = now_seconds();
    let cases: [(&str, Value, &str); 15] = [
        ("exp", json!(now - 31), "401 TOKEN_EXPIRED"),
        ("exp", json!(now - 10), "200"),
        ("exp", Value::Null, "401 TOKEN_INVALID_CLAIM"),
        ("nbf", json!(now + 60), "401 TOKEN_NOT_YET_VALID"),
        ("nbf", json!(now + 10), "200"),
        ("aud", json!("other"), "401 TOKEN_WRONG_AUDIENCE"),
        ("aud", json!(["other", "api"]), "200"),
        ("aud", json!(5), "401 TOKEN_INVALID_CLAIM"),
        ("iss", json!("https://other.test"), "401 TOKEN_UNKNOWN_ISSUER"),
        ("iss", json!(5), "401 TOKEN_INVALID_CLAIM"),
        ("tenant", Value::Null, "403 TENANT_MISSING"),
        ("tenant", json!(""), "403 TENANT_MISSING"),
        ("tenant", json!(7), "403 TENANT_MISSING"),
        ("tenant", json!("x".repeat(129)), "403 TENANT_MISSING"),
        ("tenant", json!("a b"), "403 TENANT_MISSING"),
    ];
    for (claim, value, expected) in cases {
        let found = code_of(&proxy, |claims| claims[claim] = value.clone());
        assert_eq!(found, expected, "{claim}: {value}");
    }
}

#[test]
fn a_user_id_reaches_the_upstream_unchanged_or_not_at_all() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for user in ["Ann  Lee", "J\u{fc}rgen"] {
        assert_eq!(code_of(&proxy, |claims| claims["sub"] = json!(user)), "200");
        assert_eq!(upstream.last().header("x-user-id"), Some(user));
    }
    // Without white space it would be another user, `u-1`.
    for user in [" u-1", "u-1 ", "u-1\t", "u-1\u{a0}", "\u{2003}u-1", "u\n1"] {
        assert_eq!(code_of(&proxy, |claims| claims["sub"] = json!(user)), "200");
        assert_eq!(upstream.last().header("x-user-id"), None, "{user:?}");
    }
}

#[test]
fn malformed_token_gets_401() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let long = "a".repeat(9 * 1024);
    for text in [
        "",
        "a",
        "a.b",
        "a.b.c",
        "...",
        "\u{7f}",
        "ä",
        "eyJhbGciOiJub25lIn0.e30.",
        &long,
    ] {
        let answer = ask(&proxy, &format!("Bearer {text}"));
        assert!(matches!(answer.status, 400 | 401), "{text}: {}", answer.status);
    }
    let token = proxy.token("acme");
    let (signed, _) = token.rsplit_once('.').unwrap();
    check_unauthenticated(&ask(&proxy, &format!("Bearer {signed}.")), "TOKEN_BAD_SIGNATURE");
    check_unauthenticated(
        &ask(&proxy, &format!("Bearer {signed}.AAAA")),
        "TOKEN_BAD_SIGNATURE",
    );
    check_unauthenticated(&ask(&proxy, &format!("Bearer {token}.x")), "TOKEN_MALFORMED");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn every_algorithm_is_verified_and_another_key_is_not_accepted() {
    use Algorithm::{EdDsa, Es256, Es384, Hs256, Ps256, Rs256};
    let upstream = Upstream::named("api");
    for algorithm in [Hs256, Rs256, Ps256, Es256, Es384, EdDsa] {
        let issuer = Issuer::new("https://one.test", algorithm, "k1");
        let proxy = builder(&upstream).issuer(&issuer, algorithm, None).start();
        assert_eq!(
            ask(&proxy, &format!("Bearer {}", issuer.token("acme"))).status,
            200,
            "{algorithm}"
        );
        if !algorithm.is_symmetric() {
            let impostor = Issuer::new("https://one.test", algorithm, "k1");
            let answer = ask(&proxy, &format!("Bearer {}", impostor.token("acme")));
            check_unauthenticated(&answer, "TOKEN_BAD_SIGNATURE");
        }
    }
}

#[test]
fn token_signed_with_a_public_key_as_secret_is_rejected() {
    let upstream = Upstream::named("api");
    let issuer = Issuer::new("https://one.test", Algorithm::Rs256, "k1");
    let proxy = builder(&upstream).issuer(&issuer, Algorithm::Rs256, None).start();
    let forger = tokens::Signer::from_secret(issuer.key_file(), Algorithm::Hs256, Some("k1")).unwrap();
    let forged = forger.sign(&issuer.claims("acme")).unwrap();
    check_unauthenticated(
        &ask(&proxy, &format!("Bearer {forged}")),
        "TOKEN_ALGORITHM_NOT_ALLOWED",
    );
}

#[test]
fn optional_auth_accepts_no_token_and_rejects_a_bad_one() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: some, match: /some, auth: optional, upstream: api }")
        .route("{ name: none, match: /none, auth: none, upstream: api }")
        .with("headers: { tenant: X-Tenant-Id }")
        .start();
    assert_eq!(proxy.get("/some", "").status, 200);
    assert_eq!(upstream.last().header("x-tenant-id"), None);
    assert_eq!(proxy.get("/some", "acme").status, 200);
    assert_eq!(upstream.last().header("x-tenant-id"), Some("acme"));
    check_unauthenticated(
        &proxy.ask(&Request::get("/some").token("a.b.c")),
        "TOKEN_MALFORMED",
    );
    assert_eq!(proxy.ask(&Request::get("/none").token("a.b.c")).status, 200);
    assert_eq!(upstream.last().header("x-tenant-id"), None);
}

#[test]
fn tenant_without_record_is_evaluated_or_rejected() {
    let upstream = Upstream::named("api");
    let judging = builder(&upstream).start();
    assert_eq!(judging.get("/api", "nobody").status, 200);
    let refusing = builder(&upstream)
        .flags("unknown_tenant: reject\nflags: {}\ntenants: { acme: {} }")
        .start();
    let refused = refusing.get("/api", "nobody");
    assert_eq!(
        (refused.status, refused.code()),
        (403, "TENANT_UNKNOWN".to_owned())
    );
    assert_eq!(refusing.get("/api", "acme").status, 200);
}

#[test]
fn the_token_can_be_in_a_cookie_or_a_header() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("identity: { token: { cookie: session }, realm: here }")
        .start();
    let cookie = |value: &str| proxy.ask(&Request::get("/api").header("Cookie", value));
    let token = proxy.token("acme");
    assert_eq!(cookie(&format!("a=b; session={token}; c=d")).status, 200);
    assert_eq!(
        cookie(&format!("session={token}; session={token}")).code(),
        "TOKEN_REPEATED"
    );
    let refused = proxy.ask(&Request::get("/api").token(&token));
    assert_eq!(refused.code(), "TOKEN_MISSING");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"here\""));

    let proxy = builder(&upstream)
        .with("identity: { token: { header: X-Token } }")
        .start();
    assert_eq!(
        proxy
            .ask(&Request::get("/api").header("x-token", &proxy.token("acme")))
            .status,
        200
    );
}

#[test]
fn attributes_come_from_claims_headers_and_cookies() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("identity: { attributes: { country: { header: cf-ipcountry }, plan: { cookie: plan } } }")
        .start();
    let flags = |claims: Value, request: Request| {
        let mut all = proxy.issuer().claims("initech");
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        assert_eq!(proxy.ask(&request.token(&proxy.issuer().sign(&all))).status, 200);
        upstream.last().header("x-flags").unwrap_or_default().to_owned()
    };
    let get = || Request::get("/api");
    assert_eq!(flags(json!({}), get()), "core");
    assert_eq!(
        flags(json!({ "plan": "gold", "groups": ["staff"] }), get()),
        "core, plan, staff"
    );
    assert_eq!(
        flags(json!({}), get().header("CF-IPCountry", "DE")),
        "core, german"
    );
    assert_eq!(
        flags(json!({}), get().header("Cookie", "plan=gold")),
        "core, plan"
    );
    // A signed claim takes precedence over an attribute of the request.
    assert_eq!(
        flags(json!({ "plan": "tin" }), get().header("Cookie", "plan=gold")),
        "core"
    );
}

#[test]
fn attributes_of_requests_can_be_numbers_and_booleans() {
    let upstream = Upstream::named("api");
    let flags = "flags:\n  large: { kind: permission, rules: [{ when: { attribute: seats, gte: 50 }, serve: on }] }\n  \
                 trial: { kind: permission, rules: [{ when: { attribute: trial, eq: true }, serve: on }] }\n  typed: { \
                 kind: permission, rules: [{ when: { attribute: seats, exists: true }, serve: on }] }\n";
    let proxy = builder(&upstream)
        .with(
            "identity: { attributes: { seats: { header: x-seats, as: number }, trial: { cookie: trial, as: boolean } } }",
        )
        .flags(flags)
        .start();
    for (seats, trial, expected) in [
        ("80", "trial=true", "large, trial, typed"),
        ("049.9", "trial=false", "typed"),
        ("5e1", "trial=1", "large, typed"),
        ("many", "trial=TRUE", ""),
    ] {
        let request = Request::get("/api")
            .header("X-Seats", seats)
            .header("Cookie", trial);
        assert_eq!(proxy.ask(&request.token(&proxy.token("acme"))).status, 200);
        let served = upstream.last().header("x-flags").unwrap_or_default().to_owned();
        assert_eq!(served, expected, "{seats} {trial}");
    }
}

#[test]
fn token_number_is_distinct_from_its_neighbours() {
    let upstream = Upstream::named("api");
    let flags = "flags:\n  account: { kind: permission, rules: [{ when: { attribute: plan, eq: 1152921504606846977 }, \
                 serve: on }] }\n  other: { kind: permission, rules: [{ when: { attribute: plan, ne: \
                 1152921504606846977 }, serve: on }] }\n";
    let proxy = builder(&upstream).flags(flags).start();
    for (plan, expected) in [
        ("1152921504606846977", "account"),
        ("1152921504606846977.0", "account"),
        ("1152921504606846975", "other"),
        ("1152921504606846976", "other"),
        ("1152921504606847100", "other"),
        ("1152921504606846977.01", "other"),
        // Too many digits, or too large: the attribute is missing, and the token is still valid.
        ("1152921504606846977.00000000000000000", ""),
        ("1e999", ""),
    ] {
        let mut claims = proxy.issuer().claims("initech");
        claims["plan"] = serde_json::from_str(plan).unwrap();
        let request = Request::get("/api").token(&proxy.issuer().sign(&claims));
        assert_eq!(proxy.ask(&request).status, 200);
        assert_eq!(
            upstream.last().header("x-flags").unwrap_or_default(),
            expected,
            "{plan}"
        );
    }
}
#[test]
fn a_token_is_verified_once_and_remembered_until_it_expires() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let authorization = format!("Bearer {}", proxy.token("acme"));
    for _ in 0..3 {
        assert_eq!(ask(&proxy, &authorization).status, 200);
    }
    assert_eq!(
        proxy.metric("sluice_token_verifications_total{result=\"ok\"}"),
        1.0
    );
    assert_eq!(proxy.metric("sluice_token_cache_total{result=\"hit\"}"), 2.0);
    let mut claims = proxy.issuer().claims("acme");
    claims["exp"] = json!(now_seconds() - 29);
    let short = format!("Bearer {}", proxy.issuer().sign(&claims));
    assert_eq!(ask(&proxy, &short).status, 200);
    eventually("the leeway to pass", || {
        (ask(&proxy, &short).status == 401).then_some(())
    });
}

#[test]
fn a_route_without_auth_has_no_caller_in_any_spelling() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: gated, match: /gated/**, auth: none, gate: board, upstream: api }")
        .route("{ name: plain, match: /plain/**, auth: none, upstream: api }")
        .route("{ name: own, match: /own/**, auth: required, upstream: api }")
        .route("{ name: admin, match: /admin/**, gate: board, upstream: api }")
        .with(
            "headers: { tenant: X-Tenant-Id, user: X-User-Id, flags: { name: X-Flags, include: all }, \
             anonymous: decide }",
        )
        .start();
    let acme = proxy.token("acme");
    let ask = |target: &str| proxy.ask(&Request::get(target).token(&acme)).status;
    for target in ["/gated/x", "/gated/..;/admin/x"] {
        assert_eq!(ask(target), 404, "{target}");
    }
    assert_eq!(upstream.count(), 0);
    for target in ["/plain/x", "/plain/..;/admin/x"] {
        assert_eq!(ask(target), 200, "{target}");
        let seen = upstream.last();
        assert_eq!(seen.header("X-Tenant-Id"), None, "{target}");
        assert_eq!(seen.header("X-User-Id"), None, "{target}");
        assert_eq!(seen.header("X-Flags"), Some("core"), "{target}");
    }
    assert_eq!(ask("/own/..;/admin/x"), 200);
    assert_eq!(upstream.last().header("X-Tenant-Id"), Some("acme"));
}

#[test]
fn repeated_or_removed_attribute_is_missing() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: german, match: /german, gate: german, auth: none, upstream: api }")
        .flags(
            "flags: { german: { kind: ops, rules: \
             [ { when: { attribute: country, in: [DE] }, serve: on } ] } }",
        )
        .with("identity: { attributes: { country: { header: CF-IPCountry } } }")
        .start();
    let german = || Request::get("/german").header("CF-IPCountry", "DE");
    assert_eq!(proxy.ask(&german()).status, 200);
    assert_eq!(upstream.only().header("CF-IPCountry"), Some("DE"));
    for request in [
        german().header("CF-IPCountry", "AT"),
        german().header("cf-ipcountry", "DE"),
        german().header("Connection", "CF-IPCountry"),
    ] {
        assert_eq!(proxy.ask(&request).status, 404, "{request:?}");
    }
    assert_eq!(upstream.count(), 1);
}
