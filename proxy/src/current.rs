//! The current snapshot: publishers store it here, and each request loads it once.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::prepared_snapshot::PreparedSnapshot;

/// The snapshot that is served.
#[derive(Debug)]
pub(crate) struct Current(ArcSwap<PreparedSnapshot>);

impl Current {
    pub(crate) fn new(prepared: Arc<PreparedSnapshot>) -> Self {
        Self(ArcSwap::new(prepared))
    }

    /// Returns the snapshot for a request, which keeps it to its end.
    pub(crate) fn load(&self) -> Arc<PreparedSnapshot> {
        self.0.load_full()
    }

    /// Replaces the snapshot for later requests. Requests in flight keep theirs.
    pub(crate) fn publish(&self, prepared: Arc<PreparedSnapshot>) {
        self.0.store(prepared);
    }
}
