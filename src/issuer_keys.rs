//! The verification keys of an issuer, from its configuration.

use std::sync::Arc;

use config::{IssuerConfig, KeySource};
use proxy::{FetchTerms, InvalidKeySource, IssuerKeys, KeyStore};

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
