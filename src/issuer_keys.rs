//! The verification keys of an issuer, from its configuration.

use std::sync::Arc;

use config::{IssuerConfig, KeySource};
use proxy::{InvalidKeySource, IssuerKeys, KeyStore, RefreshSettings};

/// Returns the keys of an issuer: those of its file, or those that `store` fetches from its URL.
///
/// # Errors
/// The URL of the keys is not usable: it is not http or https, or there are no trusted certificates.
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
