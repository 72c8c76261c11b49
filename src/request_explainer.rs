//! The active configuration and the keys of the proxy, by which requests are explained and the flags of clients decided.

use std::sync::{Arc, OnceLock};

use control::{Explain, RequestExplanation, RequestQuestion, Unexplained};
use proxy::KeyStore;
use rules::Timestamp;

use crate::active_config::ActiveConfig;
use crate::story::{self, ExplainGateway, ExplainInput};

/// Explains requests by the active configuration, once the proxy runs and has keys.
pub(crate) struct RequestExplainer {
    active_config: Arc<ActiveConfig>,
    keys: OnceLock<Arc<KeyStore>>,
}

impl RequestExplainer {
    /// Creates the explainer of a proxy that does not run yet.
    pub(crate) fn new(active_config: Arc<ActiveConfig>) -> Self {
        Self {
            active_config,
            keys: OnceLock::new(),
        }
    }

    /// Sets the keys of the running proxy. Only the first call has an effect.
    pub(crate) fn set_keys(&self, keys: Arc<KeyStore>) {
        let _ = self.keys.set(keys);
    }

    /// Returns the active gateway and the keys that verify tokens; `None` until the proxy runs.
    pub(crate) fn running(&self) -> Option<(ExplainGateway, &KeyStore)> {
        Some((self.active_config.gateway()?, self.keys.get()?))
    }
}

impl Explain for RequestExplainer {
    fn explain(&self, question: &RequestQuestion, at: Timestamp) -> Result<RequestExplanation, Unexplained> {
        let (gateway, keys) = self.running().ok_or(Unexplained::NotRunning)?;
        let story = story::explain(&ExplainInput {
            gateway: &gateway,
            question,
            keys,
            at,
        })?;
        Ok(story)
    }
}
