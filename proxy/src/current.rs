//! The one place where the two streams meet: snapshots are put here, requests take them from here.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::prepared_snapshot::PreparedSnapshot;

/// What is served at the moment.
#[derive(Debug)]
pub(crate) struct Current(ArcSwap<PreparedSnapshot>);

impl Current {
    pub(crate) fn new(prepared: Arc<PreparedSnapshot>) -> Self {
        Self(ArcSwap::new(prepared))
    }

    /// What a request is to be decided by, from its head to its end.
    pub(crate) fn load(&self) -> Arc<PreparedSnapshot> {
        self.0.load_full()
    }

    /// Requests that come after this are decided by `serving`; those under way are not touched.
    pub(crate) fn publish(&self, prepared: Arc<PreparedSnapshot>) {
        self.0.store(prepared);
    }
}
