//! One HTTP/2 stream's share: the memory that a request takes from its first byte on, whatever becomes of it. An answer of
//! the proxy's own waits for the client's window like any other, so refused requests count, too.

use std::sync::Arc;

use super::Shares;
use super::connection::ConnectionShare;

/// What a stream takes, in bytes: its task, its heads, and a short answer. Measured; docs/security.md has the figures.
pub(crate) const STREAM_BYTES: u64 = 48 * 1024;

/// A stream that was let in. It counts as long as it exists.
#[derive(Debug)]
pub(crate) struct StreamShare {
    shares: Arc<Shares>,
    connection: Arc<ConnectionShare>,
}

impl StreamShare {
    /// Takes a share for a stream of `connection`; none where a limit of memory is reached.
    pub(super) fn take(shares: &Arc<Shares>, connection: &Arc<ConnectionShare>) -> Option<Self> {
        let share = Self {
            shares: Arc::clone(shares),
            connection: Arc::clone(connection),
        };
        let client = connection.client();
        shares.charge(shares.clients.of(client), client.is_some(), STREAM_BYTES);
        (shares.has_memory(client) && shares.has_memory_for_all()).then_some(share)
    }
}

impl Drop for StreamShare {
    fn drop(&mut self) {
        let holdings = self.shares.clients.of(self.connection.client());
        self.shares.release(holdings, STREAM_BYTES);
    }
}
