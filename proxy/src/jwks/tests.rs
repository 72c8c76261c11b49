//! One fetch, and each way in which it can fail.

use std::time::Instant;

use tokens::MAX_JWKS_KEYS;

use super::*;
use crate::key_server::{KeyResponse, TestKeyServer, jwks};

const LIMIT: Duration = Duration::from_secs(5);

async fn fetch(url: &str, limit: Duration) -> Result<KeySet, FetchFailed> {
    let jwks = Jwks {
        url: Url::parse(url).unwrap(),
        algorithms: [Algorithm::EdDsa].into(),
    };
    jwks.fetch(&client("http").unwrap(), limit).await
}

async fn check(answer: KeyResponse, code: &str) {
    let server = TestKeyServer::start(answer).await;
    let failed = fetch(&server.url, LIMIT).await.unwrap_err();
    assert_eq!(failed.code(), code, "{failed}");
}

#[tokio::test]
async fn valid_jwks_response_provides_keys() {
    let server = TestKeyServer::with_keys(&[("a", 0), ("b", 1)]).await;
    let keys = fetch(&server.url, LIMIT).await.unwrap();
    let mut kids: Vec<_> = keys.kids().collect();
    kids.sort_unstable();
    assert_eq!(kids, ["a", "b"]);
}

#[tokio::test]
async fn any_other_status_is_a_failure() {
    for status in [201, 204, 304, 400, 404, 500, 503] {
        check(KeyResponse::Status(status), "status").await;
    }
}

#[tokio::test]
async fn non_jwks_response_is_a_failure() {
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; MAX_JWKS_KEYS + 1].join(","));
    for text in ["", "<html>", "{}", r#"{"keys":{}}"#, r#"{"keys":[]"#, &many] {
        check(KeyResponse::Text(text.into()), "invalid").await;
    }
}

#[tokio::test]
async fn jwks_without_usable_key_is_valid() {
    for text in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
        let server = TestKeyServer::start(KeyResponse::Text(text.into())).await;
        assert!(fetch(&server.url, LIMIT).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_jwks_is_read_up_to_its_limit() {
    let mut text = jwks(&[("a", 0)]);
    text.push_str(&" ".repeat(MAX_JWKS_BYTES - text.len()));
    let server = TestKeyServer::start(KeyResponse::Text(text.clone())).await;
    fetch(&server.url, LIMIT).await.unwrap();
    text.push(' ');
    check(KeyResponse::Text(text), "too_large").await;
}

#[tokio::test]
async fn missing_jwks_response_times_out() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    server.hold();
    let started = Instant::now();
    let failed = fetch(&server.url, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(failed.code(), "timed_out");
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert!(started.elapsed() < LIMIT);
}

#[tokio::test]
async fn a_port_without_a_server_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let failed = fetch(&format!("http://someone:secret@{free}/jwks?token=secret"), LIMIT)
        .await
        .unwrap_err();
    assert_eq!(failed.code(), "unreachable");
    assert!(!failed.to_string().contains("secret"), "{failed}");
}

#[tokio::test]
async fn a_redirect_to_the_same_scheme_is_followed() {
    let target = TestKeyServer::with_keys(&[("a", 0)]).await;
    let server = TestKeyServer::start(KeyResponse::Redirect(target.url.clone())).await;
    fetch(&server.url, LIMIT).await.unwrap();
    assert_eq!((server.asked(), target.asked()), (1, 1));
}

#[tokio::test]
async fn a_redirect_to_another_scheme_is_refused() {
    check(
        KeyResponse::Redirect("https://127.0.0.1:1/jwks".into()),
        "redirected",
    )
    .await;
}

#[tokio::test]
async fn third_redirect_is_rejected() {
    let server = TestKeyServer::start(KeyResponse::Redirect("/round".into())).await;
    let failed = fetch(&server.url, LIMIT).await.unwrap_err();
    assert_eq!(failed.code(), "redirected", "{failed}");
    assert_eq!(server.asked(), 1 + MAX_REDIRECTS);
}
