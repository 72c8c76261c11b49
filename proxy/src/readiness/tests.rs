//! The conditions of readiness.

use std::time::{Duration, UNIX_EPOCH};

use tokens::{Algorithm, ClaimPath, Issuer, IssuerDefinition};
use tokio::runtime::Handle;

use super::*;
use crate::fetch_timing::{FetchTiming, RefreshSettings};
use crate::issuer_keys::IssuerKeys;
use crate::key_server::{KeyResponse, TestKeyServer, eventually, jwks};
use crate::metrics::Metrics;

const NEVER: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(1);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn readiness() -> (Arc<Readiness>, Arc<KeyStore>) {
    let timing = FetchTiming {
        first_retry: SOON,
        longest_retry: SOON,
        shortest_refresh: SOON,
        ..FetchTiming::default()
    };
    let store = KeyStore::new(Handle::current(), timing, &Metrics::new());
    (Readiness::new(Arc::clone(&store)), store)
}

fn keys(store: &KeyStore, name: &str, server: &TestKeyServer) -> Arc<IssuerKeys> {
    let tenant = ClaimPath::parse("tenant").unwrap();
    let issuer = Issuer::new(IssuerDefinition::new(name, "api", &[Algorithm::EdDsa], tenant)).unwrap();
    let terms = RefreshSettings {
        interval: NEVER,
        keep_keys: Some(NEVER),
    };
    store.remote(&issuer, &server.url, terms).unwrap()
}

fn check(readiness: &Readiness, ready: bool, failed: &[&str]) {
    let report = readiness.report(at(100));
    let reasons: Vec<_> = report
        .reasons()
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect();
    assert_eq!(
        (
            report.ready,
            reasons.iter().map(String::as_str).collect::<Vec<_>>()
        ),
        (ready, failed.to_vec())
    );
}

#[tokio::test]
async fn proxy_without_snapshot_is_unready() {
    let (readiness, _) = readiness();
    check(&readiness, false, &["snapshot: no snapshot is loaded yet"]);
    readiness.set_reload_error("sluice.yaml:3: no", at(1));
    check(&readiness, false, &["snapshot: no snapshot is loaded yet"]);
    readiness.set_snapshot("3f9c", at(40));
    check(&readiness, true, &[]);
    assert_eq!(
        readiness.report(at(100)).checks[1].detail,
        "revision 3f9c, published 60 s ago"
    );
}

#[tokio::test]
async fn proxy_is_unready_until_keys_of_all_issuers_load() {
    let (readiness, store) = readiness();
    let good = TestKeyServer::with_keys(&[("a", 0)]).await;
    let slow = TestKeyServer::with_keys(&[("a", 0)]).await;
    slow.hold();
    let held = [
        keys(&store, "https://good", &good),
        keys(&store, "https://slow", &slow),
    ];
    readiness.set_snapshot("3f9c", at(40));
    assert!(held[0].loaded_within(NEVER).await);
    check(&readiness, false, &["keys https://slow: never fetched"]);
    slow.release();
    assert!(held[1].loaded_within(NEVER).await);
    check(&readiness, true, &[]);
}

#[tokio::test]
async fn readiness_reports_the_fetch_error_of_keys() {
    let (readiness, store) = readiness();
    let server = TestKeyServer::start(KeyResponse::Status(500)).await;
    let _held = keys(&store, "https://a", &server);
    readiness.set_snapshot("3f9c", at(40));
    eventually("it failed once", || store.status()[0].last_failure.is_some()).await;
    let detail = "never fetched; the last fetch failed 0 s ago: unexpected status 500";
    check(&readiness, false, &[&format!("keys https://a: {detail}")]);
}

#[tokio::test]
async fn later_fetch_failure_keeps_the_proxy_ready() {
    let (readiness, store) = readiness();
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let held = keys(&store, "https://a", &server);
    readiness.set_snapshot("3f9c", at(40));
    assert!(held.loaded_within(NEVER).await);
    check(&readiness, true, &[]);
    server.answer(KeyResponse::Status(500));
    held.refresh_for_bad_signature(held.generation().unwrap()).await;
    check(&readiness, true, &[]);
    let checks = readiness.report(at(100)).checks;
    let detail = &checks[2].detail;
    for part in [
        "fetches have failed for 0 s, the last good keys stay in use for another 3600 s",
        "unexpected status 500",
    ] {
        assert!(detail.contains(part), "{detail}");
    }
}

#[tokio::test]
async fn issuer_without_keys_keeps_the_proxy_ready() {
    let (readiness, store) = readiness();
    let server = TestKeyServer::start(KeyResponse::Text(jwks(&[]))).await;
    let held = keys(&store, "https://a", &server);
    readiness.set_snapshot("3f9c", at(40));
    assert!(held.loaded_within(NEVER).await);
    let none =
        "keys https://a: fetched 0 s ago; no usable key is published, tokens of this issuer are rejected";
    check(&readiness, false, &[none]);
    server.answer(KeyResponse::Text(jwks(&[("a", 0)])));
    held.refresh_for_unknown_key("a", held.generation().unwrap())
        .await;
    check(&readiness, true, &[]);
}

#[tokio::test]
async fn keys_removed_before_the_first_probe_keep_it_ready() {
    let (readiness, store) = readiness();
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let held = keys(&store, "https://a", &server);
    readiness.set_snapshot("3f9c", at(40));
    assert!(held.loaded_within(NEVER).await);
    server.answer(KeyResponse::Text(jwks(&[])));
    held.refresh_for_bad_signature(held.generation().unwrap()).await;
    let none =
        "keys https://a: fetched 0 s ago; no usable key is published, tokens of this issuer are rejected";
    check(&readiness, true, &[none]);
}

#[tokio::test]
async fn keys_usable_before_the_snapshot_count_for_readiness() {
    let (readiness, store) = readiness();
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let held = keys(&store, "https://a", &server);
    assert!(held.loaded_within(NEVER).await);
    readiness.set_snapshot("3f9c", at(40));
    server.answer(KeyResponse::Text(jwks(&[])));
    held.refresh_for_bad_signature(held.generation().unwrap()).await;
    assert!(readiness.report(at(100)).ready);
}

#[tokio::test]
async fn keys_of_one_of_two_issuers_leave_the_proxy_unready() {
    let (readiness, store) = readiness();
    let good = TestKeyServer::with_keys(&[("a", 0)]).await;
    let slow = TestKeyServer::with_keys(&[("a", 0)]).await;
    slow.hold();
    let first = keys(&store, "https://good", &good);
    assert!(first.loaded_within(NEVER).await);
    let _second = keys(&store, "https://slow", &slow);
    readiness.set_snapshot("3f9c", at(40));
    check(&readiness, false, &["keys https://slow: never fetched"]);
    slow.release();
}

#[tokio::test]
async fn issuer_added_later_keeps_the_proxy_ready() {
    let (readiness, store) = readiness();
    readiness.set_snapshot("3f9c", at(40));
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    server.hold();
    let _held = keys(&store, "https://new", &server);
    check(&readiness, true, &["keys https://new: never fetched"]);
    server.release();
}

#[tokio::test]
async fn removed_issuer_does_not_delay_readiness() {
    let (readiness, store) = readiness();
    let server = TestKeyServer::start(KeyResponse::Text(jwks(&[]))).await;
    server.hold();
    let held = keys(&store, "https://a", &server);
    readiness.set_snapshot("3f9c", at(40));
    check(&readiness, false, &["keys https://a: never fetched"]);
    drop(held);
    check(&readiness, true, &[]);
    server.release();
}

#[tokio::test]
async fn rejected_reload_is_reported_until_the_next_valid_one() {
    let (readiness, _) = readiness();
    readiness.set_snapshot("3f9c", at(40));
    readiness.set_reload_error("sluice.yaml:3: no", at(50));
    check(&readiness, true, &[]);
    let error = readiness.report(at(100)).reload_error.unwrap();
    assert_eq!(error, (at(50), "sluice.yaml:3: no".to_owned()));
    readiness.set_snapshot("4a0d", at(60));
    assert_eq!(readiness.report(at(100)).reload_error, None);
    readiness.set_reload_error("again", at(70));
    readiness.clear_reload_error();
    assert_eq!(readiness.report(at(100)).reload_error, None);
}

#[tokio::test]
async fn long_error_is_truncated_between_characters() {
    let (readiness, _) = readiness();
    readiness.set_reload_error(&format!("x{}", "é".repeat(MAX_RELOAD_ERROR_BYTES)), at(50));
    let (_, kept) = readiness.report(at(100)).reload_error.unwrap();
    assert_eq!(kept.len(), MAX_RELOAD_ERROR_BYTES - 1);
}

#[tokio::test]
async fn draining_proxy_is_unready() {
    let (readiness, _) = readiness();
    readiness.set_snapshot("3f9c", at(40));
    check(&readiness, true, &[]);
    assert!(!readiness.is_draining());
    readiness.set_draining(Instant::now());
    assert!(readiness.is_draining());
    check(
        &readiness,
        false,
        &["serving: draining: the process ends in at most 0 s"],
    );
    readiness.set_snapshot("4a0d", at(60));
    check(
        &readiness,
        false,
        &["serving: draining: the process ends in at most 0 s"],
    );
}

#[tokio::test]
async fn awaited_flags_prevent_readiness_until_they_exist() {
    let (readiness, _) = readiness();
    let awaited = ["board".into(), "export".into()];
    readiness.set_awaited_flags(&awaited);
    readiness.set_snapshot("0-3f9c", at(40));
    let words = "the store has never held a flag, and sluice.yaml names `board`, `export`: until they exist, gates with them \
                 answer 503 FLAG_NOT_FOUND, and headers omit them; apply a document with these flags (`sluice apply -f \
                 FLAGS`), or name one as `flags.store.seed` and start again";
    check(&readiness, false, &[&format!("flags: {words}")]);
    readiness.set_awaited_flags(&[]);
    readiness.set_snapshot("1-3f9c", at(50));
    check(&readiness, true, &[]);
    // A proxy that was ready stays ready.
    readiness.set_awaited_flags(&awaited);
    readiness.set_snapshot("1-4a0d", at(60));
    check(&readiness, true, &[]);
    let notes = readiness.report(at(100)).notes;
    assert_eq!(notes, [("flags".to_owned(), words.to_owned())]);
}
