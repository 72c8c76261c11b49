//! The keys of issuers: fetched, replaced, withdrawn, and kept for a time when they can't be fetched.

use std::time::Duration;

use proxy::FetchTiming;
use testkit::{Issuer, KeyServer, Proxy, ProxyBuilder, Request, Response, Upstream, eventually};
use tokens::Algorithm;

const EMPTY: &str = r#"{"keys":[]}"#;

/// Builds a proxy with one route that needs a tenant.
fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: api, match: /api, auth: required, upstream: api }")
}

fn issuer(kid: &str) -> Issuer {
    Issuer::new("https://one.test", Algorithm::Es256, kid)
}

fn ask(proxy: &Proxy, token: &str) -> Response {
    proxy.ask(&Request::get("/api").token(token))
}

/// Returns a timing without a cool-down.
fn eager() -> FetchTiming {
    FetchTiming {
        cool_down: Duration::ZERO,
        absent_for: Duration::ZERO,
        ..quick()
    }
}

fn quick() -> FetchTiming {
    let quick = Duration::from_millis(20);
    FetchTiming {
        first_retry: quick,
        longest_retry: quick,
        ..FetchTiming::default()
    }
}

#[test]
fn proxy_answers_503_until_keys_are_fetched() {
    let upstream = Upstream::named("api");
    let issuer = issuer("k1");
    let server = KeyServer::broken();
    let proxy = builder(&upstream)
        .admin()
        .issuer(&issuer, Algorithm::Es256, Some(&server))
        .fetch_timing(quick())
        .start();
    let token = issuer.token("acme");
    let refused = ask(&proxy, &token);
    assert_eq!(
        (refused.status, refused.code()),
        (503, "KEYS_UNAVAILABLE".to_owned())
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(proxy.admin("/readyz").status, 503);
    server.serve(&[&issuer]);
    eventually("the keys", || (ask(&proxy, &token).status == 200).then_some(()));
    assert_eq!(proxy.admin("/readyz").status, 200);
}

#[test]
fn token_with_a_new_key_causes_a_fetch() {
    let upstream = Upstream::named("api");
    let (one, two) = (issuer("k1"), issuer("k2"));
    let server = KeyServer::of(&[&one]);
    let pace = FetchTiming {
        cool_down: Duration::ZERO,
        ..quick()
    };
    let proxy = builder(&upstream)
        .issuer(&one, Algorithm::Es256, Some(&server))
        .fetch_timing(pace)
        .start();
    let status = |issuer: &Issuer| ask(&proxy, &issuer.token("acme")).status;
    eventually("the first keys", || (status(&one) == 200).then_some(()));
    server.serve(&[&one, &two]);
    assert_eq!(status(&two), 200);
    server.serve(&[&two]);
    assert_eq!(status(&two), 200);
}

#[test]
fn a_withdrawn_key_verifies_nothing_even_as_the_last() {
    for none in [
        EMPTY,
        r#"{"keys":[{"kty":"oct","kid":"k1","k":"AAAA"}]}"#,
        r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","use":"enc","x":"AA","y":"AA"}]}"#,
    ] {
        let upstream = Upstream::named("api");
        let (one, other) = (issuer("k1"), issuer("k2"));
        let server = KeyServer::of(&[&one]);
        let proxy = builder(&upstream)
            .issuer(&one, Algorithm::Es256, Some(&server))
            .fetch_timing(eager())
            .start();
        let (remembered, new) = (one.token("acme"), one.token("acme"));
        eventually("the first keys", || {
            (ask(&proxy, &remembered).status == 200).then_some(())
        });
        assert_eq!(ask(&proxy, &remembered).status, 200);
        server.serve_text(none);
        // The token's key is unknown, so the keys are fetched.
        assert_eq!(ask(&proxy, &other.token("acme")).status, 401);
        let asked = upstream.count();
        for token in [&remembered, &new] {
            let refused = ask(&proxy, token);
            assert_eq!(
                (refused.status, &*refused.code()),
                (401, "TOKEN_UNKNOWN_KEY"),
                "{none}"
            );
            assert!(
                refused
                    .header("www-authenticate")
                    .unwrap()
                    .contains("invalid_token")
            );
        }
        assert_eq!(upstream.count(), asked);
        server.serve(&[&one]);
        assert_eq!(
            ask(&proxy, &new).status,
            200,
            "a key that is published again counts"
        );
    }
}

#[test]
fn tokens_of_a_withdrawn_key_cause_no_more_fetches_than_others() {
    let upstream = Upstream::named("api");
    let (one, other) = (issuer("k1"), issuer("k2"));
    let server = KeyServer::of(&[&one]);
    let pace = FetchTiming {
        cool_down: Duration::from_secs(3_600),
        ..quick()
    };
    let proxy = builder(&upstream)
        .issuer(&one, Algorithm::Es256, Some(&server))
        .fetch_timing(pace)
        .start();
    let token = one.token("acme");
    eventually("the first keys", || {
        (ask(&proxy, &token).status == 200).then_some(())
    });
    server.serve_text(EMPTY);
    assert_eq!(ask(&proxy, &other.token("acme")).status, 401);
    let fetches = server.fetches();
    for _ in 0..20 {
        assert_eq!(ask(&proxy, &token).status, 401);
        assert_eq!(ask(&proxy, &one.token("acme")).status, 401);
    }
    assert_eq!(server.fetches(), fetches);
}

#[test]
fn invalid_jwks_response_withdraws_no_key() {
    let upstream = Upstream::named("api");
    let (one, other) = (issuer("k1"), issuer("k2"));
    let server = KeyServer::of(&[&one]);
    let proxy = builder(&upstream)
        .issuer(&one, Algorithm::Es256, Some(&server))
        .fetch_timing(eager())
        .start();
    let token = one.token("acme");
    eventually("the first keys", || {
        (ask(&proxy, &token).status == 200).then_some(())
    });
    let large = format!("{}{EMPTY}", " ".repeat(tokens::MAX_JWKS_BYTES));
    for bad in ["", "<html>", "{}", "[]", r#"{"keys":{}}"#, &large] {
        server.serve_text(bad);
        assert_eq!(ask(&proxy, &other.token("acme")).status, 401);
        assert_eq!(ask(&proxy, &token).status, 200, "{bad:.20}");
    }
    for status in [204, 404, 500] {
        server.fail(status);
        assert_eq!(ask(&proxy, &other.token("acme")).status, 401);
        assert_eq!(ask(&proxy, &token).status, 200, "{status}");
    }
}

#[test]
fn the_last_good_keys_are_kept_for_keep_keys_and_no_longer() {
    let upstream = Upstream::named("api");
    let (one, other) = (issuer("k1"), issuer("k2"));
    let server = KeyServer::of(&[&one]);
    let keys = format!("jwks_url: \"{}\", keep_keys: 100ms", server.url());
    let proxy = builder(&upstream)
        .admin()
        .issuer_by(&one, Algorithm::Es256, &keys)
        .fetch_timing(FetchTiming {
            first_retry: Duration::from_secs(3_600),
            longest_retry: Duration::from_secs(3_600),
            ..eager()
        })
        .start();
    let token = one.token("acme");
    eventually("the first keys", || {
        (ask(&proxy, &token).status == 200).then_some(())
    });
    assert_eq!(proxy.admin("/readyz").status, 200);
    server.fail(500);
    assert_eq!(ask(&proxy, &other.token("acme")).status, 401);
    let refused = eventually("the keys to be dropped", || {
        let answer = ask(&proxy, &token);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(
        (refused.status, refused.code()),
        (503, "KEYS_UNAVAILABLE".to_owned())
    );
    // The proxy stays ready, and its report says why tokens are refused.
    let shown = proxy.admin("/readyz?verbose");
    assert_eq!(shown.status, 200);
    for part in [
        "[-] keys https://one.test: fetched",
        "fetches have failed for",
        "the last good keys have expired",
    ] {
        assert!(shown.text().contains(part), "{}", shown.text());
    }
    let since = "sluice_jwks_failing_since_timestamp_seconds{issuer=\"https://one.test\"}";
    assert!(proxy.metric(since) > 0.0);
    assert_eq!(proxy.metric("sluice_jwks_keys{issuer=\"https://one.test\"}"), 0.0);
    server.serve(&[&one]);
    assert_eq!(ask(&proxy, &token).status, 200);
}

#[test]
fn without_keep_keys_the_last_good_keys_never_expire() {
    let upstream = Upstream::named("api");
    let (one, other) = (issuer("k1"), issuer("k2"));
    let server = KeyServer::of(&[&one]);
    let proxy = builder(&upstream)
        .admin()
        .issuer(&one, Algorithm::Es256, Some(&server))
        .fetch_timing(eager())
        .start();
    let token = one.token("acme");
    eventually("the first keys", || {
        (ask(&proxy, &token).status == 200).then_some(())
    });
    server.fail(500);
    assert_eq!(ask(&proxy, &other.token("acme")).status, 401);
    assert_eq!(ask(&proxy, &token).status, 200);
    let shown = proxy.admin("/readyz?verbose").text().to_owned();
    assert!(
        shown.contains("s, the last good keys stay in use without a time limit"),
        "{shown}"
    );
    let since = "sluice_jwks_failing_since_timestamp_seconds{issuer=\"https://one.test\"}";
    assert!(proxy.metric(since) > 0.0);
}

#[test]
fn an_emptied_jwks_file_withdraws_its_keys_on_reload() {
    let upstream = Upstream::named("api");
    let one = issuer("k1");
    let full = Issuer::jwks(&[&one]);
    let proxy = builder(&upstream)
        .issuer_by(&one, Algorithm::Es256, "jwks_file: jwks.json")
        .file("jwks.json", full.as_bytes())
        .start();
    let token = one.token("acme");
    assert_eq!(ask(&proxy, &token).status, 200);
    proxy.reload("jwks.json", &full, EMPTY);
    for token in [&token, &one.token("acme")] {
        assert_eq!(ask(&proxy, token).status, 401);
    }
    proxy.reload("jwks.json", EMPTY, &full);
    assert_eq!(ask(&proxy, &token).status, 200);
}

#[test]
fn a_replaced_pem_file_withdraws_its_key_and_an_empty_fails() {
    let upstream = Upstream::named("api");
    let (one, other) = (issuer("k1"), issuer("k1"));
    let proxy = builder(&upstream)
        .issuer_by(&one, Algorithm::Es256, "pem_file: key.pem")
        .file("key.pem", one.key_file())
        .start();
    let token = one.token("acme");
    assert_eq!(ask(&proxy, &token).status, 200);
    // A file without a key is an error, not an empty key set.
    let put = |bytes: &[u8]| std::fs::write(proxy.folder().join("key.pem"), bytes).unwrap();
    put(b"");
    proxy.try_reread().unwrap_err();
    assert_eq!(ask(&proxy, &token).status, 200);
    put(other.key_file());
    proxy.try_reread().unwrap();
    assert_eq!(ask(&proxy, &token).status, 401);
    assert_eq!(ask(&proxy, &other.token("acme")).status, 200);
}
