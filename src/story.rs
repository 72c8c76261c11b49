//! The explanation of a request: what the proxy would do with it, phase by phase. Made from files for the command line,
//! and from what is served for the admin API; decided by a dry run of the proxy's own phases in both.

mod caller;
mod explanation;
mod limits;
mod rejected_candidates;
mod request_head;

use std::sync::Arc;

use anyhow::Result;
use config::{Identity, IssuerConfig, KeySource, Loaded, Places};
use control::RequestQuestion;
use proxy::{Decider, InvalidKeySource, IssuerKeys, KeyStore, RefreshSettings};
use rules::Timestamp;

pub(crate) use self::explanation::explain;

/// A gateway whose decisions are explained.
pub(crate) struct ExplainGateway {
    decider: Decider,
    identity: Arc<Identity>,
    places: Arc<Places>,
}

/// A question about a request.
pub(crate) struct ExplainInput<'a> {
    pub(crate) gateway: &'a ExplainGateway,
    pub(crate) question: &'a RequestQuestion,
    /// The keys that tokens are verified by.
    pub(crate) keys: &'a KeyStore,
    /// The time that the request is decided for.
    pub(crate) at: Timestamp,
}

impl ExplainGateway {
    /// The gateway of a document that was loaded.
    ///
    /// # Errors
    /// Two issuers have the same name.
    pub(crate) fn load(loaded: &Loaded) -> Result<Self> {
        Ok(Self::new(loaded, Decider::prepare(loaded)?))
    }

    /// The gateway of a document that is served by `decider`.
    pub(crate) fn new(loaded: &Loaded, decider: Decider) -> Self {
        Self {
            decider,
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
            let terms = RefreshSettings::from_ms(*refresh_ms, *keep_keys_ms);
            store.remote(&config.issuer, url, terms)
        }
    }
}
