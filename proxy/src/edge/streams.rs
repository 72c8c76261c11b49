//! Counts of the HTTP/2 requests of one connection: those that the client began, and those that reached the engine.
//! The HTTP layer refuses the others without telling, so the difference is counted when the connection
//! and all its requests end.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::IntCounter;
use tracing::debug;

/// The request counts of one connection.
#[derive(Debug)]
pub(crate) struct Streams {
    client: Option<IpAddr>,
    begun: AtomicU64,
    read: AtomicU64,
    /// Counts the refused requests.
    refused: IntCounter,
}

impl Streams {
    pub(super) fn new(client: Option<IpAddr>, refused: IntCounter) -> Self {
        Self {
            client,
            begun: AtomicU64::new(0),
            read: AtomicU64::new(0),
            refused,
        }
    }

    /// Sets the number of requests that the client began.
    pub(super) fn set_begun(&self, requests: u64) {
        self.begun.store(requests, Ordering::Relaxed);
    }

    /// Counts a request that reached the engine.
    pub(crate) fn count_read(&self) {
        self.read.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        let refused = self.begun.get_mut().saturating_sub(*self.read.get_mut());
        if refused > 0 {
            self.refused.inc_by(refused);
            let client = self.client;
            debug!(
                ?client,
                refused, "HTTP/2 requests were rejected before they were read"
            );
        }
    }
}
