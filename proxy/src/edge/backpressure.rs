//! Backpressure on the accept loop: while no descriptor is left, connections wait in the kernel's backlog.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::listeners::ConnectionFilter;

use crate::shares::Shares;

/// Holds the accept loop of a listener for a moment while no descriptor is left. pingora asks it after each connection,
/// and accepts the next one only then.
#[derive(Debug)]
pub(crate) struct Backpressure(pub(crate) Arc<Shares>);

#[async_trait]
impl ConnectionFilter for Backpressure {
    /// Returns true: a connection that gets no descriptor is refused, and counted, where its share is taken.
    async fn should_accept(&self, _peer: Option<&SocketAddr>) -> bool {
        self.0.wait_for_descriptor().await;
        true
    }
}
