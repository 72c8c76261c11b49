//! Backpressure on the accept loop: while no file descriptor is left, new connections stay in the kernel's backlog.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::listeners::ConnectionFilter;

use crate::shares::Shares;

/// Delays the accept loop of a listener while no descriptor is left. pingora calls the filter after each accepted
/// connection and accepts the next one only when it returns.
#[derive(Debug)]
pub(crate) struct Backpressure(pub(crate) Arc<Shares>);

#[async_trait]
impl ConnectionFilter for Backpressure {
    /// Waits for a descriptor and returns true. A connection without a descriptor is refused and counted later, where
    /// its share is taken.
    async fn should_accept(&self, _peer: Option<&SocketAddr>) -> bool {
        // The filter serves as a delay: pingora has no other hook in its accept loop.
        self.0.wait_for_descriptor().await;
        true
    }
}
