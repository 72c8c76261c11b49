//! Verified tokens, so that a token is verified once and not with every request. Only what was found good is
//! kept, under the whole token, and a hit is checked again for what may have changed since.

use std::sync::Arc;

use prometheus::IntCounter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokens::{Identity, Issuers};

use crate::issuer_keys::IssuerKeys;
use crate::metrics::Metrics;

/// How many bytes a cache holds unless it is told otherwise.
pub const DEFAULT_TOKEN_CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// About how many bytes one token and what it says take, to size the cache's tables.
const USUAL_ENTRY_BYTES: u64 = 2 * 1024;
/// What an entry costs beside the bytes of its token and identity.
const ENTRY_OVERHEAD_BYTES: u64 = 96;

/// Verified tokens of one set of issuers. What it holds never shows in `Debug`.
pub struct TokenCache {
    /// Identities point into these, so a cache never outlives a change of them.
    issuers: Arc<Issuers>,
    max_bytes: u64,
    entries: Cache<Box<str>, Arc<Identity>, ByteWeighter>,
    hits: IntCounter,
    misses: IntCounter,
    stale: IntCounter,
}

/// Weighs an entry.
#[derive(Debug, Clone)]
struct ByteWeighter;

impl Weighter<Box<str>, Arc<Identity>> for ByteWeighter {
    fn weight(&self, token: &Box<str>, identity: &Arc<Identity>) -> u64 {
        (token.len() as u64)
            .saturating_add(identity.size() as u64)
            .saturating_add(ENTRY_OVERHEAD_BYTES)
    }
}

impl TokenCache {
    /// An empty cache for tokens of `issuers`, of at most `max_bytes`; with 0 nothing is kept.
    #[must_use]
    pub fn new(issuers: Arc<Issuers>, max_bytes: u64, metrics: &Metrics) -> Arc<Self> {
        Arc::new(Self::empty(
            issuers,
            max_bytes,
            [
                &metrics.token_cache_hits,
                &metrics.token_cache_misses,
                &metrics.token_cache_stale,
            ],
        ))
    }

    /// The cache to use with `issuers` after a reload: this one where they are the same, else an empty one.
    /// Requests that are still under way with the former issuers go on with the former cache.
    #[must_use]
    pub fn for_issuers(self: &Arc<Self>, issuers: &Arc<Issuers>) -> Arc<Self> {
        if self.issuers == *issuers {
            return Arc::clone(self);
        }
        let counters = [&self.hits, &self.misses, &self.stale];
        Arc::new(Self::empty(Arc::clone(issuers), self.max_bytes, counters))
    }

    fn empty(issuers: Arc<Issuers>, max_bytes: u64, counters: [&IntCounter; 3]) -> Self {
        let items = usize::try_from(max_bytes / USUAL_ENTRY_BYTES).unwrap_or(usize::MAX);
        let [hits, misses, stale] = counters.map(Clone::clone);
        Self {
            issuers,
            max_bytes,
            entries: Cache::with_weighter(items, max_bytes, ByteWeighter),
            hits,
            misses,
            stale,
        }
    }

    /// What `token` was found to say, if that still counts: at `now` (seconds since 1970) it is fresh, and
    /// its issuer's keys are the ones that it was verified with. `keys` are those of the issuers, in their order.
    #[must_use]
    pub fn find(&self, token: &str, now: u64, keys: &[Arc<IssuerKeys>]) -> Option<Arc<Identity>> {
        let Some(identity) = self.entries.get(token) else {
            self.misses.inc();
            return None;
        };
        if self.is_valid(&identity, now, keys) {
            self.hits.inc();
            return Some(identity);
        }
        self.stale.inc();
        // Another request may have put a newly verified identity here in the meantime; that one stays.
        self.entries.remove_if(token, |kept| Arc::ptr_eq(kept, &identity));
        None
    }

    /// Keeps what `token` was just verified to say, with the issuers of this cache.
    pub fn keep(&self, token: &str, identity: &Arc<Identity>) {
        self.entries.insert(token.into(), Arc::clone(identity));
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    fn is_valid(&self, identity: &Identity, now: u64, keys: &[Arc<IssuerKeys>]) -> bool {
        let Some(issuer) = self.issuers.at(identity.issuer) else {
            return false;
        };
        let Some(keys) = keys.get(identity.issuer as usize) else {
            return false;
        };
        identity.is_fresh(now, issuer.leeway_seconds())
            && keys.generation() == Some(identity.key_set_generation)
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache")
            .field("bytes", &self.bytes())
            .field("max_bytes", &self.max_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests;
