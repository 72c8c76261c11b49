//! The store of all fetched keys. It finds them by their definition, so that they survive a reload that leaves their
//! issuer unchanged.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};
use redact::error_chain;
use reqwest::{Client, Url};
use tokens::{Algorithm, Issuer};
use tokio::runtime::Handle;

use crate::fetch_timing::{FetchTiming, RefreshSettings};
use crate::issuer_keys::IssuerKeys;
use crate::jwks::{self, Jwks};
use crate::keys_status::KeysStatus;
use crate::metric_family::{counter_metric, description, family, gauge_metric, seconds};
use crate::metrics::Metrics;
use crate::remote_keys::RemoteKeys;

/// The store of fetched keys. It holds them weakly: a snapshot that uses them keeps them alive.
#[derive(Debug)]
pub struct KeyStore {
    runtime: Handle,
    timing: FetchTiming,
    shared: Arc<KeyStoreShared>,
}

/// The reason why keys can't be fetched.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeySource {
    /// The URL is not http or https.
    #[error("`{url}` is not an http or https URL")]
    Url {
        /// The URL as configured.
        url: Box<str>,
    },
    /// No client can be created, usually because the machine has no trusted certificates.
    #[error("can't create a client for {scheme}: {detail}")]
    Client {
        /// The scheme of the URL.
        scheme: Box<str>,
        /// The chain of causes.
        detail: String,
    },
}

/// The identity of keys: two equal definitions share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeySourceDefinition {
    issuer: Box<str>,
    jwks: Jwks,
}

/// The state that the store shares with its keys.
#[derive(Debug, Default)]
struct KeyStoreShared {
    state: Mutex<StoredKeys>,
    /// True once a snapshot is served with the keys, so that all its issuers are in the store.
    are_needed: AtomicBool,
    /// True once every issuer had a usable key at the same time.
    have_been_usable: AtomicBool,
}

#[derive(Debug, Default)]
struct StoredKeys {
    keys: HashMap<KeySourceDefinition, Weak<IssuerKeys>>,
    /// By scheme, created on first use.
    clients: HashMap<Box<str>, Client>,
}

/// Exports the status of the keys.
#[derive(Debug)]
struct KeysCollector {
    shared: Arc<KeyStoreShared>,
    description: Desc,
}

impl KeyStore {
    /// Creates a store whose fetches run on `runtime`. `metrics` exports its keys and takes one store.
    #[must_use]
    pub fn new(runtime: Handle, timing: FetchTiming, metrics: &Metrics) -> Arc<Self> {
        let shared = Arc::<KeyStoreShared>::default();
        let description = description(FETCHES, FETCHES_HELP);
        metrics.register(KeysCollector {
            shared: Arc::clone(&shared),
            description,
        });
        Arc::new(Self {
            runtime,
            timing,
            shared,
        })
    }

    /// Returns the keys that `issuer` publishes at `url`, refreshed by `refresh` from now on. Keys with the same
    /// issuer, URL and algorithms are reused.
    ///
    /// # Errors
    /// The URL is invalid, or there can be no client for it.
    pub fn remote(
        &self,
        issuer: &Issuer,
        url: &str,
        refresh: RefreshSettings,
    ) -> Result<Arc<IssuerKeys>, InvalidKeySource> {
        let parsed = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = parsed.ok_or_else(|| InvalidKeySource::Url { url: url.into() })?;
        let algorithms: Box<[Algorithm]> = issuer.algorithms().into();
        let definition = KeySourceDefinition {
            issuer: issuer.name().into(),
            jwks: Jwks { url, algorithms },
        };
        let mut state = self.shared.state.lock();
        if let Some(known) = state.keys.get(&definition).and_then(Weak::upgrade) {
            drop(state);
            known.set_refresh(refresh);
            return Ok(known);
        }
        let client = state.client(definition.jwks.url.scheme())?;
        let (jwks, shared) = (definition.jwks.clone(), Arc::clone(&self.shared));
        let keys = RemoteKeys::new(
            issuer.name(),
            jwks,
            refresh,
            client,
            (self.runtime.clone(), self.timing),
            move || shared.record_usable(),
        );
        let keys = Arc::new(keys);
        let refresher = self.runtime.spawn(Arc::clone(&keys).keep_fresh()).abort_handle();
        let keys = IssuerKeys::remote(keys, refresher);
        // Entries of dropped keys are removed when new ones come, so that reloads do not grow the map.
        state.keys.retain(|_, keys| keys.strong_count() > 0);
        state.keys.insert(definition, Arc::downgrade(&keys));
        Ok(keys)
    }

    /// Blocks on a future, for threads that may block. Not for requests.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Records that a snapshot is served whose issuers are all in the store.
    pub(crate) fn set_needed(&self) {
        self.shared.are_needed.store(true, Ordering::Release);
        self.shared.record_usable();
    }

    /// Returns true once every issuer had a usable key at the same time since [`KeyStore::set_needed`].
    pub(crate) fn have_been_usable(&self) -> bool {
        // An issuer without keys may have been dropped since, which no fetch records.
        self.shared.record_usable();
        self.shared.have_been_usable.load(Ordering::Acquire)
    }

    /// Returns the status of the keys in use, by issuer.
    #[must_use]
    pub fn status(&self) -> Vec<KeysStatus> {
        self.shared.status()
    }
}

impl StoredKeys {
    fn client(&mut self, scheme: &str) -> Result<Client, InvalidKeySource> {
        if let Some(client) = self.clients.get(scheme) {
            return Ok(client.clone());
        }
        let client = jwks::client(scheme).map_err(|error| InvalidKeySource::Client {
            scheme: scheme.into(),
            detail: error_chain(&error),
        })?;
        self.clients.insert(scheme.into(), client.clone());
        Ok(client)
    }
}

impl KeyStoreShared {
    /// Records that every issuer has a usable key. Called when keys arrive, so that the result does not depend on
    /// when it is asked for.
    fn record_usable(&self) {
        if self.are_needed.load(Ordering::Acquire)
            && !self.have_been_usable.load(Ordering::Acquire)
            && self.status().iter().all(KeysStatus::is_usable)
        {
            self.have_been_usable.store(true, Ordering::Release);
        }
    }

    fn status(&self) -> Vec<KeysStatus> {
        // Collected first: a last owner may drop keys meanwhile, and dropping them here must happen outside the lock.
        let keys: Vec<_> = self
            .state
            .lock()
            .keys
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        let mut status: Vec<_> = keys.iter().filter_map(|keys| keys.status()).collect();
        status.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        status
    }
}

impl Collector for KeysCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // After a reload an issuer may occur twice, with its former and its new keys.
        let mut fetches = BTreeMap::<(Box<str>, &str), u64>::new();
        let mut successes = BTreeMap::new();
        let mut failing = BTreeMap::new();
        let mut usable = BTreeMap::new();
        for status in self.shared.status() {
            for (result, count) in status.fetches {
                *fetches.entry((status.issuer.clone(), result)).or_default() += count;
            }
            // The worse of several values is exported, so that none is hidden.
            let keys = status.keys.unwrap_or(0);
            let fewest = usable.entry(status.issuer.clone()).or_insert(keys);
            *fewest = keys.min(*fewest);
            if let Some(at) = status.failing_since {
                let longest = failing.entry(status.issuer.clone()).or_insert(at);
                *longest = at.min(*longest);
            }
            if let Some(at) = status.last_success {
                let newest = successes.entry(status.issuer).or_insert(at);
                *newest = at.max(*newest);
            }
        }
        let fetches = fetches.into_iter();
        let fetches = fetches
            .map(|((issuer, result), n)| counter_metric(&[("issuer", &issuer), ("result", result)], n));
        let at = |(issuer, at): (Box<str>, _)| gauge_metric(&[("issuer", &issuer)], seconds(at));
        let usable = usable.into_iter();
        let usable = usable.map(|(issuer, keys)| {
            let keys = u32::try_from(keys).unwrap_or(u32::MAX);
            gauge_metric(&[("issuer", &issuer)], f64::from(keys))
        });
        vec![
            family(FETCHES, FETCHES_HELP, MetricType::COUNTER, fetches.collect()),
            family(
                SUCCESS,
                SUCCESS_HELP,
                MetricType::GAUGE,
                successes.into_iter().map(at).collect(),
            ),
            family(
                FAILING,
                FAILING_HELP,
                MetricType::GAUGE,
                failing.into_iter().map(at).collect(),
            ),
            family(USABLE, USABLE_HELP, MetricType::GAUGE, usable.collect()),
        ]
    }
}

const FETCHES: &str = "sluice_jwks_fetches_total";
const FETCHES_HELP: &str = "Fetches of published keys, by issuer and result.";
const SUCCESS: &str = "sluice_jwks_last_success_timestamp_seconds";
const SUCCESS_HELP: &str = "Time of the last successful fetch of an issuer's keys, in seconds since 1970.";
const FAILING: &str = "sluice_jwks_failing_since_timestamp_seconds";
const FAILING_HELP: &str = "Time since which every fetch of an issuer's keys has failed, in seconds since 1970; absent while they succeed.";
const USABLE: &str = "sluice_jwks_keys";
const USABLE_HELP: &str = "Usable keys of an issuer; 0 if it publishes none, or if no fetched key is in use.";

#[cfg(test)]
mod tests;
