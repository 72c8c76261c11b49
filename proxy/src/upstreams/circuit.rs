//! How many requests an upstream has at once, and a limit on that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts requests, and lets no more in than it may.
#[derive(Debug)]
pub(super) struct Circuit {
    limit: usize,
    in_flight: Arc<AtomicUsize>,
}

/// One request that was let in. Dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Circuit {
    /// A circuit with this limit that goes on counting where `former` stands.
    pub(super) fn new(limit: Option<u32>, former: Option<&Self>) -> Self {
        Self {
            limit: limit
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(usize::MAX),
            in_flight: former.map_or_else(Arc::default, |former| Arc::clone(&former.in_flight)),
        }
    }

    pub(super) fn enter(&self) -> Option<Permit> {
        let permit = Permit(Arc::clone(&self.in_flight));
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        (before < self.limit).then_some(permit)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
