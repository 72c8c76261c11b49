//! The request that an HTTP/1 connection serves: stalled writes of the connection are charged to it.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::request::RequestShare;

/// The request that a connection serves; none before the first, between two, and over HTTP/2.
#[derive(Debug, Default)]
pub(crate) struct ServedRequest(Mutex<Weak<RequestShare>>);

impl ServedRequest {
    /// Sets the request. It replaces the one before.
    pub(crate) fn set(&self, request: &Arc<RequestShare>) {
        *self.0.lock() = Arc::downgrade(request);
    }

    /// Records whether the client takes what is written to it.
    pub(crate) fn set_stalled(&self, is_stalled: bool) {
        // The lock is released first: the request may be dropped here, and its drop takes other locks.
        let request = self.0.lock().upgrade();
        if let Some(request) = request {
            request.set_stalled(is_stalled);
        }
    }
}
