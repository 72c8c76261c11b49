//! The active configuration and the keys of the proxy, by which requests are explained and the flags of clients decided.

use std::sync::{Arc, OnceLock};

use control::{Explain, RequestExplanation, RequestQuestion, Unexplained};
use proxy::{KeyStore, Observations};
use rules::Timestamp;

use crate::active_config::ActiveConfig;
use crate::story::{self, ExplainGateway, ExplainInput};

/// Explains requests by the active configuration, once the proxy runs and has keys.
pub(crate) struct RequestExplainer {
    active_config: Arc<ActiveConfig>,
    running: OnceLock<(Arc<KeyStore>, Observations)>,
}

impl RequestExplainer {
    /// Creates the explainer of a proxy that does not run yet.
    pub(crate) fn new(active_config: Arc<ActiveConfig>) -> Self {
        Self {
            active_config,
            running: OnceLock::new(),
        }
    }

    /// Sets the keys and the observations of the running proxy. Only the first call has an effect.
    pub(crate) fn attach(&self, keys: Arc<KeyStore>, observations: Observations) {
        let _ = self.running.set((keys, observations));
    }

    /// Returns the active gateway and the keys that verify tokens; `None` until the proxy runs.
    pub(crate) fn running(&self) -> Option<(ExplainGateway, &KeyStore)> {
        let (keys, _) = self.running.get()?;
        Some((self.active_config.gateway()?, keys))
    }

    /// Returns the keys of the flags whose circuit breaker is open for a tenant.
    pub(crate) fn open_breakers(&self, tenant: &str) -> Vec<Box<str>> {
        let observations = self.running.get().map(|(_, observations)| observations);
        observations.map_or(Vec::new(), |observations| observations.open_breakers(tenant))
    }
}

impl Explain for RequestExplainer {
    fn explain(&self, question: &RequestQuestion, at: Timestamp) -> Result<RequestExplanation, Unexplained> {
        let (gateway, keys) = self.running().ok_or(Unexplained::NotRunning)?;
        let story = story::explain(&ExplainInput {
            gateway: &gateway,
            question,
            keys,
            open_breakers: &|tenant| self.open_breakers(tenant),
            at,
        })?;
        Ok(story)
    }
}
