//! The upstreams of the snapshot that is served.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::live::LiveUpstream;

/// The upstreams of the snapshot that is served, by weak reference, so that metrics keep none alive.
#[derive(Debug, Default)]
pub(super) struct ServedUpstreams(pub(super) Mutex<Box<[Weak<LiveUpstream>]>>);

impl ServedUpstreams {
    /// Returns the upstreams that still exist.
    pub(super) fn all(&self) -> Vec<Arc<LiveUpstream>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }
}
