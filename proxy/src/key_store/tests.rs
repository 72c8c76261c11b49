//! The life of fetched keys: when they are fetched, what requests wait for, and what stays when a fetch fails.
//! Durations are so long or so short that no test depends on how fast it runs.

use std::time::{Duration, Instant};

use tokens::{ClaimPath, Generation, IssuerDefinition, KeySet, MAX_JWKS_BYTES};

use super::*;
use crate::key_server::{KeyResponse, TestKeyServer, eventually, jwks};
use crate::remote_keys::{MAX_WAITING_REQUESTS, Refreshed};

const NEVER: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(1);

/// Returns a timing with a fetch at the start, and one for each request that asks for newer keys.
fn eager() -> FetchTiming {
    FetchTiming {
        cool_down: Duration::ZERO,
        wait: NEVER,
        absent_for: Duration::ZERO,
        fetch_limit: NEVER,
        first_retry: NEVER,
        longest_retry: NEVER,
        shortest_refresh: SOON,
    }
}

/// Returns a timing without a second fetch for a request.
fn cooling_down() -> FetchTiming {
    FetchTiming {
        cool_down: NEVER,
        ..eager()
    }
}

/// Returns the default timing with this maximum wait of a request.
fn waiting(wait: Duration) -> FetchTiming {
    FetchTiming {
        wait,
        ..FetchTiming::default()
    }
}

fn issuer(name: &str, algorithms: &[Algorithm]) -> Issuer {
    let tenant = ClaimPath::parse("tenant").unwrap();
    Issuer::new(IssuerDefinition::new(name, "api", algorithms, tenant)).unwrap()
}

fn store(timing: FetchTiming) -> Arc<KeyStore> {
    KeyStore::new(Handle::current(), timing, &Metrics::new())
}

/// Returns settings with this interval, and no expiry of keys.
fn every(interval: Duration) -> RefreshSettings {
    RefreshSettings {
        interval,
        keep_keys: None,
    }
}

/// Returns settings without regular fetches, and keys that expire `keep` after the first failure.
fn kept_for(keep: Duration) -> RefreshSettings {
    RefreshSettings {
        interval: NEVER,
        keep_keys: Some(keep),
    }
}

fn keys_by(store: &KeyStore, url: &str, refresh: RefreshSettings) -> Arc<IssuerKeys> {
    store
        .remote(&issuer("https://a", &[Algorithm::EdDsa]), url, refresh)
        .unwrap()
}

fn keys_at(store: &KeyStore, url: &str, interval: Duration) -> Arc<IssuerKeys> {
    keys_by(store, url, every(interval))
}

/// Returns keys that were fetched once and have no regular fetches.
async fn loaded(server: &TestKeyServer, timing: FetchTiming) -> (Arc<IssuerKeys>, Generation) {
    let keys = keys_at(&store(timing), &server.url, NEVER);
    assert!(keys.loaded_within(NEVER).await);
    let generation = keys.generation().unwrap();
    assert_eq!(server.asked(), 1);
    (keys, generation)
}

fn kids(keys: &KeySet) -> Vec<&str> {
    let mut kids: Vec<_> = keys.kids().collect();
    kids.sort_unstable();
    kids
}

#[tokio::test]
async fn keys_are_fetched_at_the_start_without_a_request() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, _) = loaded(&server, FetchTiming::default()).await;
    assert_eq!(kids(&keys.current().unwrap()), ["a"]);
}

#[tokio::test]
async fn failed_first_fetch_is_retried_until_success() {
    let server = TestKeyServer::start(KeyResponse::Status(503)).await;
    let timing = FetchTiming {
        first_retry: SOON,
        longest_retry: SOON,
        ..FetchTiming::default()
    };
    let store = store(timing);
    let keys = keys_at(&store, &server.url, NEVER);
    eventually("it is tried again", || server.asked() > 3).await;
    assert!(keys.current().is_none());
    assert!(!keys.loaded_within(SOON).await);
    let status = &store.status()[0];
    assert!(status.keys.is_none() && status.last_success.is_none());
    assert_eq!(status.last_failure.as_ref().unwrap().1, "unexpected status 503");
    server.answer(KeyResponse::Text(jwks(&[("a", 0)])));
    assert!(keys.loaded_within(NEVER).await);
    let status = &store.status()[0];
    assert!(status.keys == Some(1) && status.last_success.is_some() && status.last_failure.is_none());
}

#[tokio::test]
async fn keys_are_fetched_again_at_their_interval() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let keys = keys_at(&store(eager()), &server.url, SOON);
    assert!(keys.loaded_within(NEVER).await);
    server.answer(KeyResponse::Text(jwks(&[("b", 1)])));
    eventually("the new key is there", || kids(&keys.current().unwrap()) == ["b"]).await;
}

#[tokio::test]
async fn the_last_good_keys_stay_when_a_fetch_fails() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, eager()).await;
    let good = keys.current().unwrap();
    for bad in [
        KeyResponse::Status(500),
        KeyResponse::Text("{}".into()),
        KeyResponse::Text("<html>".into()),
        KeyResponse::Text(" ".repeat(MAX_JWKS_BYTES + 1)),
        // Nothing is withdrawn: the keys of the set are ambiguous, and the present one is among them.
        KeyResponse::Text(jwks(&[("c", 0), ("c", 1)])),
    ] {
        server.answer(bad);
        assert_eq!(
            keys.refresh_for_unknown_key("b", generation).await,
            Refreshed::Failed
        );
        assert!(Arc::ptr_eq(&keys.current().unwrap(), &good));
    }
    assert_eq!(server.asked(), 6);
}

#[tokio::test]
async fn an_unlisted_key_is_withdrawn_also_by_an_ambiguous_set() {
    let server = TestKeyServer::with_keys(&[("a", 0), ("b", 1)]).await;
    let (keys, generation) = loaded(&server, eager()).await;
    server.answer(KeyResponse::Text(jwks(&[("c", 1), ("c", 2)])));
    assert_eq!(
        keys.refresh_for_unknown_key("z", generation).await,
        Refreshed::Changed
    );
    assert_eq!(kids(&keys.current().unwrap()), ["b"]);
    server.answer(KeyResponse::Text(jwks(&[("c", 0), ("c", 2)])));
    assert_eq!(
        keys.refresh_for_unknown_key("z", keys.generation().unwrap())
            .await,
        Refreshed::Changed
    );
    assert!(keys.current().unwrap().is_empty());
}

#[tokio::test]
async fn jwks_without_usable_key_empties_the_set() {
    for none in [
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#,
        r#"{"keys":[{"kty":"RSA","kid":"a","use":"enc","n":"AAAA","e":"AQAB"}]}"#,
    ] {
        let server = TestKeyServer::with_keys(&[("a", 0)]).await;
        let (keys, generation) = loaded(&server, eager()).await;
        server.answer(KeyResponse::Text(none.into()));
        assert_eq!(
            keys.refresh_for_unknown_key("b", generation).await,
            Refreshed::Changed
        );
        assert!(keys.current().unwrap().is_empty(), "{none}");
        // It is an answer like others: the same again changes nothing, and a key that is published again counts.
        let emptied = keys.generation().unwrap();
        assert_eq!(
            keys.refresh_for_unknown_key("a", emptied).await,
            Refreshed::Unchanged
        );
        server.answer(KeyResponse::Text(jwks(&[("a", 0)])));
        assert_eq!(
            keys.refresh_for_unknown_key("a", emptied).await,
            Refreshed::Changed
        );
        assert_eq!(keys.generation(), Some(generation));
    }
}

#[tokio::test]
async fn emptied_key_set_has_the_cool_down_of_any_other() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let timing = cooling_down();
    let (keys, generation) = loaded(&server, timing).await;
    server.answer(KeyResponse::Text(jwks(&[])));
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Changed
    );
    let emptied = keys.generation().unwrap();
    for kid in ["a", "b", ""] {
        assert_eq!(
            keys.refresh_for_unknown_key(kid, emptied).await,
            Refreshed::CoolingDown
        );
        assert!(keys.first().await.unwrap().is_empty());
    }
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn the_last_good_keys_expire_after_keep_keys_of_failures() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let store = store(eager());
    let keep = Duration::from_millis(50);
    let keys = keys_by(&store, &server.url, kept_for(keep));
    assert!(keys.loaded_within(NEVER).await);
    let generation = keys.generation().unwrap();
    server.answer(KeyResponse::Status(500));
    let failed_at = Instant::now();
    assert_eq!(
        keys.refresh_for_bad_signature(generation).await,
        Refreshed::Failed
    );
    eventually("the keys are dropped", || keys.current().is_none()).await;
    assert!(failed_at.elapsed() >= keep);
    let status = &store.status()[0];
    assert!(status.keys.is_none() && status.failing_since.is_some() && status.last_success.is_some());
    assert!(!keys.loaded_within(SOON).await);
    // They are had again with the next good answer, and kept until fetches fail anew.
    server.answer(KeyResponse::Text(jwks(&[("a", 0)])));
    assert_eq!(keys.first().await.unwrap().generation(), generation);
    assert_eq!(store.status()[0].failing_since, None);
    tokio::time::sleep(2 * keep).await;
    assert_eq!(keys.generation(), Some(generation));
}

#[tokio::test]
async fn the_last_good_keys_are_dropped_in_time_while_a_fetch_hangs() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let timing = FetchTiming {
        first_retry: SOON,
        longest_retry: SOON,
        ..eager()
    };
    let store = store(timing);
    let keys = keys_by(&store, &server.url, kept_for(Duration::from_millis(50)));
    assert!(keys.loaded_within(NEVER).await);
    server.answer(KeyResponse::Status(500));
    keys.refresh_for_bad_signature(keys.generation().unwrap()).await;
    server.hold();
    eventually("the keys are dropped", || keys.current().is_none()).await;
    server.release();
}

#[tokio::test]
async fn keep_keys_counts_from_the_first_failure_not_the_last() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let timing = FetchTiming {
        first_retry: SOON,
        longest_retry: SOON,
        ..eager()
    };
    let store = store(timing);
    let refresh = RefreshSettings {
        interval: SOON,
        keep_keys: Some(Duration::from_millis(50)),
    };
    let keys = keys_by(&store, &server.url, refresh);
    assert!(keys.loaded_within(NEVER).await);
    server.answer(KeyResponse::Status(500));
    let asked = server.asked();
    eventually("the keys are dropped", || keys.current().is_none()).await;
    assert!(server.asked() > asked + 1, "they failed again and again");
}

#[tokio::test]
async fn changed_keep_keys_applies_to_existing_keys() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let store = store(eager());
    let keys = keys_at(&store, &server.url, NEVER);
    assert!(keys.loaded_within(NEVER).await);
    server.answer(KeyResponse::Status(500));
    keys.refresh_for_bad_signature(keys.generation().unwrap()).await;
    assert!(Arc::ptr_eq(
        &keys,
        &keys_by(&store, &server.url, kept_for(Duration::ZERO))
    ));
    eventually("the keys are dropped", || keys.current().is_none()).await;
}

#[tokio::test]
async fn unchanged_jwks_keeps_the_key_set() {
    let server = TestKeyServer::with_keys(&[("a", 0), ("b", 1)]).await;
    let (keys, generation) = loaded(&server, eager()).await;
    let before = keys.current().unwrap();
    server.answer(KeyResponse::Text(jwks(&[("b", 1), ("a", 0)])));
    assert_eq!(
        keys.refresh_for_unknown_key("c", generation).await,
        Refreshed::Unchanged
    );
    assert_eq!(server.asked(), 2);
    assert!(Arc::ptr_eq(&keys.current().unwrap(), &before));
}

#[tokio::test]
async fn an_unknown_key_is_found_by_one_more_fetch() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, FetchTiming::default()).await;
    server.answer(KeyResponse::Text(jwks(&[("a", 0), ("b", 1)])));
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Changed
    );
    assert_eq!(kids(&keys.current().unwrap()), ["a", "b"]);
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_key_replaced_under_its_id_is_found_after_a_bad_signature() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, FetchTiming::default()).await;
    server.answer(KeyResponse::Text(jwks(&[("a", 1)])));
    assert_eq!(
        keys.refresh_for_bad_signature(generation).await,
        Refreshed::Changed
    );
    let newer = keys.generation().unwrap();
    assert_ne!(newer, generation);
    assert_eq!(
        keys.refresh_for_bad_signature(newer).await,
        Refreshed::CoolingDown
    );
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn caller_with_older_keys_gets_new_ones_without_a_fetch() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, eager()).await;
    server.answer(KeyResponse::Text(jwks(&[("b", 1)])));
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Changed
    );
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Changed
    );
    assert_eq!(
        keys.refresh_for_bad_signature(generation).await,
        Refreshed::Changed
    );
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn many_requests_share_one_fetch() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, waiting(NEVER)).await;
    server.hold();
    server.answer(KeyResponse::Text(jwks(&[("b", 1)])));
    let waiting: Vec<_> = (0..500)
        .map(|request| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move {
                match request % 2 {
                    0 => keys.refresh_for_unknown_key("b", generation).await,
                    _ => keys.refresh_for_bad_signature(generation).await,
                }
            })
        })
        .collect();
    eventually("the fetch is under way", || server.asked() == 2).await;
    server.release();
    for request in waiting {
        assert_eq!(request.await.unwrap(), Refreshed::Changed);
    }
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn requests_do_not_fetch_during_the_cool_down() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, cooling_down()).await;
    assert_eq!(
        keys.refresh_for_unknown_key("x", generation).await,
        Refreshed::Unchanged
    );
    for kid in 0..100 {
        let refreshed = keys.refresh_for_unknown_key(&kid.to_string(), generation).await;
        assert_eq!(refreshed, Refreshed::CoolingDown);
    }
    assert_eq!(
        keys.refresh_for_bad_signature(generation).await,
        Refreshed::CoolingDown
    );
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn failed_fetch_starts_a_cool_down() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, cooling_down()).await;
    server.answer(KeyResponse::Status(500));
    assert_eq!(
        keys.refresh_for_unknown_key("x", generation).await,
        Refreshed::Failed
    );
    assert_eq!(
        keys.refresh_for_unknown_key("x", generation).await,
        Refreshed::CoolingDown
    );
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn after_the_cool_down_requests_fetch_again() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, eager()).await;
    for fetches in 2..6 {
        assert_eq!(
            keys.refresh_for_unknown_key("x", generation).await,
            Refreshed::Unchanged
        );
        assert_eq!(server.asked(), fetches);
    }
}

#[tokio::test]
async fn scheduled_fetches_run_during_the_cool_down() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let keys = keys_at(&store(cooling_down()), &server.url, SOON);
    assert!(keys.loaded_within(NEVER).await);
    let generation = keys.generation().unwrap();
    keys.refresh_for_unknown_key("x", generation).await;
    let asked = server.asked();
    eventually("it is fetched by the clock", || server.asked() > asked + 2).await;
}

#[tokio::test]
async fn absent_key_is_not_fetched_again() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(
        &server,
        FetchTiming {
            absent_for: NEVER,
            ..eager()
        },
    )
    .await;
    for _ in 0..10 {
        assert_eq!(
            keys.refresh_for_unknown_key("x", generation).await,
            Refreshed::Unchanged
        );
    }
    assert_eq!(server.asked(), 2);
    assert_eq!(
        keys.refresh_for_unknown_key("y", generation).await,
        Refreshed::Unchanged
    );
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn failed_fetch_marks_no_key_absent() {
    let server = TestKeyServer::start(KeyResponse::Text(jwks(&[("a", 0)]))).await;
    let (keys, generation) = loaded(
        &server,
        FetchTiming {
            absent_for: NEVER,
            ..eager()
        },
    )
    .await;
    server.answer(KeyResponse::Status(500));
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Failed
    );
    server.answer(KeyResponse::Text(jwks(&[("b", 1)])));
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Changed
    );
}

#[tokio::test]
async fn timed_out_request_does_not_cancel_the_fetch() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, waiting(Duration::from_millis(20))).await;
    server.hold();
    server.answer(KeyResponse::Text(jwks(&[("b", 1)])));
    let started = Instant::now();
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Failed
    );
    assert!(started.elapsed() >= Duration::from_millis(20));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "the fetch itself may take that long"
    );
    server.release();
    eventually("the keys are there", || keys.generation() != Some(generation)).await;
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn cancelled_request_does_not_cancel_a_shared_fetch() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, waiting(NEVER)).await;
    server.hold();
    server.answer(KeyResponse::Text(jwks(&[("b", 1)])));
    let ask = |keys: Arc<IssuerKeys>| async move { keys.refresh_for_unknown_key("b", generation).await };
    let first = tokio::spawn(ask(Arc::clone(&keys)));
    eventually("the fetch is under way", || server.asked() == 2).await;
    let second = tokio::spawn(ask(Arc::clone(&keys)));
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    server.release();
    assert_eq!(second.await.unwrap(), Refreshed::Changed);
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn waiting_requests_have_a_maximum() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let (keys, generation) = loaded(&server, waiting(NEVER)).await;
    server.hold();
    let asked: Vec<_> = (0..=MAX_WAITING_REQUESTS)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.refresh_for_bad_signature(generation).await })
        })
        .collect();
    eventually("one is turned away", || {
        asked.iter().any(tokio::task::JoinHandle::is_finished)
    })
    .await;
    server.release();
    let mut turned_away = 0;
    for request in asked {
        match request.await.unwrap() {
            Refreshed::CoolingDown => turned_away += 1,
            refreshed => assert_eq!(refreshed, Refreshed::Unchanged),
        }
    }
    assert_eq!(turned_away, 1);
}

#[tokio::test]
async fn the_first_request_waits_for_the_first_keys() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    server.hold();
    let keys = keys_at(&store(waiting(NEVER)), &server.url, NEVER);
    assert!(keys.current().is_none());
    let waiting = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move { keys.first().await }
    });
    eventually("the fetch is under way", || server.asked() == 1).await;
    server.release();
    assert_eq!(kids(&waiting.await.unwrap().unwrap()), ["a"]);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn first_request_waits_for_keys_until_its_timeout() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    server.hold();
    let keys = keys_at(&store(waiting(SOON)), &server.url, NEVER);
    assert!(keys.first().await.is_none());
    server.release();
}

#[test]
fn fetch_without_response_is_a_failure() {
    let own = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let store = KeyStore::new(own.handle().clone(), eager(), &Metrics::new());
    let keys = keys_at(&store, "http://127.0.0.1:1/jwks", NEVER);
    own.shutdown_background();
    let requests = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for _ in 0..3 {
        assert!(requests.block_on(keys.first()).is_none());
    }
}

#[tokio::test]
async fn equal_definitions_share_one_key_set() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let store = store(eager());
    let of = |name: &str, url: &str, algorithms: &[Algorithm]| {
        store
            .remote(&issuer(name, algorithms), url, every(NEVER))
            .unwrap()
    };
    let keys = of("https://a", &server.url, &[Algorithm::EdDsa]);
    assert!(Arc::ptr_eq(
        &keys,
        &of("https://a", &server.url, &[Algorithm::EdDsa])
    ));
    assert!(!Arc::ptr_eq(
        &keys,
        &of("https://b", &server.url, &[Algorithm::EdDsa])
    ));
    assert!(!Arc::ptr_eq(
        &keys,
        &of("https://a", &format!("{}?v=2", server.url), &[Algorithm::EdDsa])
    ));
    let more = [Algorithm::EdDsa, Algorithm::Es256];
    assert!(!Arc::ptr_eq(&keys, &of("https://a", &server.url, &more)));
}

#[tokio::test]
async fn changed_interval_applies_to_existing_keys() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let store = store(eager());
    let keys = keys_at(&store, &server.url, NEVER);
    assert!(keys.loaded_within(NEVER).await);
    assert!(Arc::ptr_eq(&keys, &keys_at(&store, &server.url, SOON)));
    eventually("it is fetched at the new interval", || server.asked() > 3).await;
}

#[tokio::test]
async fn only_http_and_https_urls_are_accepted() {
    let store = store(eager());
    for url in [
        "",
        "jwks.json",
        "/jwks",
        "ftp://a/jwks",
        "file:///jwks",
        "http://",
    ] {
        let refused = store
            .remote(&issuer("https://a", &[Algorithm::EdDsa]), url, every(NEVER))
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("`{url}` is not an http or https URL")
        );
    }
    assert_eq!(store.status(), []);
}

#[tokio::test]
async fn metrics_show_the_fetches_of_each_issuer() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let metrics = Metrics::new();
    let store = KeyStore::new(Handle::current(), eager(), &metrics);
    let keys = keys_at(&store, &server.url, NEVER);
    assert!(keys.loaded_within(NEVER).await);
    server.answer(KeyResponse::Status(500));
    keys.refresh_for_bad_signature(keys.generation().unwrap()).await;
    keys.refresh_for_bad_signature(keys.generation().unwrap()).await;
    let page = metrics.render().unwrap();
    for line in [
        r#"sluice_jwks_fetches_total{issuer="https://a",result="ok"} 1"#,
        r#"sluice_jwks_fetches_total{issuer="https://a",result="status"} 2"#,
        r#"sluice_jwks_last_success_timestamp_seconds{issuer="https://a"} 1"#,
        r#"sluice_jwks_failing_since_timestamp_seconds{issuer="https://a"} 1"#,
        r#"sluice_jwks_keys{issuer="https://a"} 1"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    server.answer(KeyResponse::Text(jwks(&[])));
    keys.refresh_for_bad_signature(keys.generation().unwrap()).await;
    let page = metrics.render().unwrap();
    assert!(
        page.contains(r#"sluice_jwks_keys{issuer="https://a"} 0"#),
        "{page}"
    );
    assert!(!page.contains("sluice_jwks_failing_since"), "{page}");
    drop(keys);
    eventually("nothing is shown of what is not used", || {
        !metrics.render().unwrap().contains("jwks")
    })
    .await;
}
