//! Cache of verified tokens, so that a token is verified once and not with every request. It holds valid tokens only,
//! by the whole token. A hit is checked again for expiry and replaced keys.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use prometheus::IntCounter;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use tokens::{Identity, Issuers};

use crate::issuer_keys::IssuerKeys;
use crate::metrics::Metrics;

/// Default size of a cache, in bytes.
pub const DEFAULT_TOKEN_CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// Expected size of an entry, in bytes, which sizes the cache's tables.
const USUAL_ENTRY_BYTES: u64 = 2 * 1024;
/// Size of an entry beside its token and identity, in bytes.
const ENTRY_OVERHEAD_BYTES: u64 = 96;
/// Number of bytes at the end of a token that are hashed.
const HASHED_BYTES: usize = 32;

/// Verified tokens of one set of issuers. `Debug` does not show its content.
pub struct TokenCache {
    /// Identities hold positions in this list, so a cache is only used with it.
    issuers: Arc<Issuers>,
    max_bytes: u64,
    entries: Cache<TokenKey, Arc<Identity>, ByteWeighter>,
    hits: IntCounter,
    misses: IntCounter,
    stale: IntCounter,
}

/// A token that is kept.
#[derive(Clone, PartialEq, Eq)]
struct TokenKey(Box<[u8]>);

/// A token that is looked up.
struct TokenRef<'t>(&'t [u8]);

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        TokenRef(&self.0).hash(state);
    }
}

impl Hash for TokenRef<'_> {
    /// Hashes the end of the token: the signature, which differs between valid tokens. A forged token with the end of a
    /// valid one is compared with it and not kept, so that no more than one token has the same hash but by chance.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0.last_chunk::<HASHED_BYTES>() {
            Some(end) => end.hash(state),
            None => self.0.hash(state),
        }
    }
}

impl Equivalent<TokenKey> for TokenRef<'_> {
    fn equivalent(&self, kept: &TokenKey) -> bool {
        *self.0 == *kept.0
    }
}

/// Weighs an entry in bytes.
#[derive(Debug, Clone)]
struct ByteWeighter;

impl Weighter<TokenKey, Arc<Identity>> for ByteWeighter {
    fn weight(&self, TokenKey(token): &TokenKey, identity: &Arc<Identity>) -> u64 {
        (token.len() as u64)
            .saturating_add(identity.size() as u64)
            .saturating_add(ENTRY_OVERHEAD_BYTES)
    }
}

impl TokenCache {
    /// Creates an empty cache for tokens of `issuers`, of at most `max_bytes`. With 0 it keeps nothing.
    #[must_use]
    pub fn new(issuers: Arc<Issuers>, max_bytes: u64, metrics: &Metrics) -> Arc<Self> {
        Arc::new(Self::empty(
            issuers,
            max_bytes,
            [
                &metrics.tokens.cache_hits,
                &metrics.tokens.cache_misses,
                &metrics.tokens.stale_cache_hits,
            ],
        ))
    }

    /// Returns the cache for `issuers` after a reload: this one if they are equal, else an empty one. Requests in
    /// flight with the former issuers keep the former cache.
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

    /// Returns the identity of a verified token that is still valid at `now` (seconds since 1970), with the keys that
    /// it was verified with. `keys` are those of the issuers, in order.
    #[must_use]
    pub fn find(&self, token: &[u8], now: u64, keys: &[Arc<IssuerKeys>]) -> Option<Arc<Identity>> {
        let token = TokenRef(token);
        // Looked up by the whole token, not by a hash or a claim: a forged token never hits the entry of a valid one.
        let Some(identity) = self.entries.get(&token) else {
            self.misses.inc();
            return None;
        };
        // Checked on every hit: the entry may outlive the token's expiry and the issuer's keys.
        if self.is_valid(&identity, now, keys) {
            self.hits.inc();
            return Some(identity);
        }
        self.stale.inc();
        // Another request may have stored a new identity meanwhile; that one stays.
        self.entries
            .remove_if(&token, |kept| Arc::ptr_eq(kept, &identity));
        None
    }

    /// Stores the identity of a token that was just verified with this cache's issuers.
    pub fn keep(&self, token: &str, identity: &Arc<Identity>) {
        self.entries
            .insert(TokenKey(token.as_bytes().into()), Arc::clone(identity));
    }

    /// Returns the size of the entries, in bytes.
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
