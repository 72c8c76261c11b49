//! The limit on requests in flight to one upstream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The count of requests in flight, and its limit.
#[derive(Debug)]
pub(super) struct Circuit {
    limit: usize,
    in_flight: Arc<AtomicUsize>,
}

/// A permit for one request in flight. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Circuit {
    /// Creates a circuit with this limit. The count continues that of `former`.
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
