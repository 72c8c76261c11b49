//! Fixed keys, and keys that no snapshot uses any more.

use tokens::{Algorithm, ClaimPath, Issuer, IssuerDefinition};
use tokio::runtime::Handle;

use super::*;
use crate::fetch_timing::{FetchTiming, RefreshSettings};
use crate::key_server::{TestKeyServer, eventually, jwks};
use crate::key_store::KeyStore;
use crate::metrics::Metrics;

#[tokio::test]
async fn fixed_keys_are_available_at_once_and_never_change() {
    let set = Arc::new(KeySet::from_jwks(&jwks(&[("a", 0)]), &[Algorithm::EdDsa]).unwrap());
    let keys = IssuerKeys::fixed(Arc::clone(&set));
    let generation = keys.generation().unwrap();
    assert!(Arc::ptr_eq(&keys.current().unwrap(), &set));
    assert!(Arc::ptr_eq(&keys.first().await.unwrap(), &set));
    assert!(keys.loaded_within(Duration::ZERO).await);
    assert_eq!(
        keys.refresh_for_unknown_key("b", generation).await,
        Refreshed::Unchanged
    );
    assert_eq!(
        keys.refresh_for_bad_signature(generation).await,
        Refreshed::Unchanged
    );
}

#[tokio::test]
async fn unused_keys_are_no_longer_fetched() {
    let server = TestKeyServer::with_keys(&[("a", 0)]).await;
    let timing = FetchTiming {
        shortest_refresh: Duration::from_millis(1),
        ..FetchTiming::default()
    };
    let store = KeyStore::new(Handle::current(), timing, &Metrics::new());
    let tenant = ClaimPath::parse("tenant").unwrap();
    let issuer = Issuer::new(IssuerDefinition::new(
        "https://a",
        "api",
        &[Algorithm::EdDsa],
        tenant,
    ))
    .unwrap();
    let keys = store
        .remote(
            &issuer,
            &server.url,
            RefreshSettings {
                interval: Duration::from_millis(1),
                keep_keys: None,
            },
        )
        .unwrap();
    eventually("it is fetched again and again", || server.asked() > 3).await;
    let KeysSource::Remote { keys: remote, .. } = &keys.source else {
        panic!("these keys are fetched")
    };
    let remote = Arc::downgrade(remote);
    drop(keys);
    eventually("no task holds the keys", || remote.strong_count() == 0).await;
    assert_eq!(store.status(), []);
}
