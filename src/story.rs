//! The story of a request: what the proxy would do with it, phase by phase. Told to the command line from files, and
//! to the admin API from what is served.

mod act;
mod asker;
mod connection;
mod head;
mod limits;
mod passed_over;
mod telling;
mod withheld;

use std::sync::Arc;

use anyhow::Result;
use config::{Identity, IssuerConfig, KeySource, Loaded, Places};
use control::RequestQuestion;
use proxy::{FetchTerms, InvalidKeySource, IssuerKeys, KeyStore};
use rules::{Snapshot, Timestamp};

pub(crate) use self::telling::tell;

/// What a proxy goes by.
pub(crate) struct Gateway {
    snapshot: Arc<Snapshot>,
    identity: Arc<Identity>,
    places: Arc<Places>,
}

/// What is told about, and by what.
pub(crate) struct Telling<'t> {
    pub(crate) gateway: &'t Gateway,
    pub(crate) question: &'t RequestQuestion,
    /// By which keys tokens are verified.
    pub(crate) keys: &'t KeyStore,
    pub(crate) now: Timestamp,
}

impl Gateway {
    /// That of a document, with this snapshot of it.
    pub(crate) fn of(loaded: &Loaded, snapshot: Arc<Snapshot>) -> Self {
        Self {
            snapshot,
            identity: Arc::clone(&loaded.identity),
            places: Arc::clone(&loaded.places),
        }
    }
}

/// The keys of an issuer, which are fetched by `store` where they are published.
pub(crate) fn issuer_keys(
    config: &IssuerConfig,
    store: &KeyStore,
) -> Result<Arc<IssuerKeys>, InvalidKeySource> {
    match &config.keys {
        KeySource::Fixed(keys) => Ok(IssuerKeys::fixed(Arc::clone(keys))),
        KeySource::Url {
            url,
            refresh_ms,
            keep_keys_ms,
        } => {
            let terms = FetchTerms::from_ms(*refresh_ms, *keep_keys_ms);
            store.remote(&config.issuer, url, terms)
        }
    }
}
