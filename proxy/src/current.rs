//! The one place where the two streams meet: snapshots are put here, requests take them from here.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::serving::Serving;

/// What is served at the moment.
#[derive(Debug)]
pub(crate) struct Current(ArcSwap<Serving>);

impl Current {
    pub(crate) fn new(serving: Arc<Serving>) -> Self {
        Self(ArcSwap::new(serving))
    }

    /// What a request is to be decided by, from its head to its end.
    pub(crate) fn take(&self) -> Arc<Serving> {
        self.0.load_full()
    }

    /// Requests that come after this are decided by `serving`; those under way are not touched.
    pub(crate) fn publish(&self, serving: Arc<Serving>) {
        self.0.store(serving);
    }
}
