//! The input of an explanation: the request, and the gateway that decides it.

use std::sync::Arc;

use anyhow::Result;
use config::{IdentitySettings, LineIndex, LoadedConfig};
use control::RequestQuestion;
use proxy::{Decider, FindOpenBreakers, KeyStore};
use rules::Timestamp;

/// The gateway whose decisions are explained.
pub(crate) struct ExplainGateway {
    pub(crate) decider: Decider,
    pub(crate) identity: Arc<IdentitySettings>,
    pub(crate) line_index: Arc<LineIndex>,
}

/// A request to explain.
pub(crate) struct ExplainInput<'a> {
    pub(crate) gateway: &'a ExplainGateway,
    pub(crate) question: &'a RequestQuestion,
    /// The keys that verify tokens.
    pub(crate) keys: &'a KeyStore,
    /// Finds the circuit breakers that are open for a tenant.
    pub(crate) open_breakers: &'a FindOpenBreakers<'a>,
    /// The time to decide the request for.
    pub(crate) at: Timestamp,
}

impl ExplainGateway {
    /// Prepares the gateway of a loaded document.
    ///
    /// # Errors
    /// Two issuers have the same name.
    pub(crate) fn load(loaded: &LoadedConfig) -> Result<Self> {
        Ok(Self::new(loaded, Decider::prepare(loaded)?))
    }

    /// Creates the gateway of a loaded document from its prepared decider.
    pub(crate) fn new(loaded: &LoadedConfig, decider: Decider) -> Self {
        Self {
            decider,
            identity: Arc::clone(&loaded.identity),
            line_index: Arc::clone(&loaded.line_index),
        }
    }
}
