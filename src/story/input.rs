//! The input of an explanation: the request, and the gateway that decides it.

use std::sync::Arc;

use anyhow::Result;
use config::{Identity, Loaded, Places};
use control::RequestQuestion;
use proxy::{Decider, KeyStore};
use rules::Timestamp;

/// A gateway whose decisions are explained.
pub(crate) struct ExplainGateway {
    pub(super) decider: Decider,
    pub(super) identity: Arc<Identity>,
    pub(super) places: Arc<Places>,
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
