//! The share of one HTTP/2 stream: the memory that a request takes from its first byte on, whether or not it is
//! forwarded. A response of the proxy's own waits for the client's window too, so refused requests also count.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Shares;
use super::clients::ClientId;
use super::connection::ConnectionShare;

/// Memory of a stream, in bytes: its task, its heads and a short response. Measured; docs/security.md has the
/// figures.
pub(crate) const STREAM_BYTES: u64 = 48 * 1024;

/// The share of a stream. It counts until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamShare {
    shares: Arc<Shares>,
    /// The client that the stream is charged to.
    client: Mutex<Option<ClientId>>,
}

impl Shares {
    /// Counts an HTTP/2 stream of a connection; none at a memory limit.
    pub(crate) fn take_stream_share(
        self: &Arc<Self>,
        connection: &Arc<ConnectionShare>,
    ) -> Option<Arc<StreamShare>> {
        StreamShare::take(self, connection).map(Arc::new)
    }
}

impl StreamShare {
    /// Takes a share for a stream of `connection`; none at a memory limit.
    pub(super) fn take(shares: &Arc<Shares>, connection: &Arc<ConnectionShare>) -> Option<Self> {
        let share = Self {
            shares: Arc::clone(shares),
            client: Mutex::new(connection.client()),
        };
        let client = connection.client();
        shares.charge(shares.clients.of(client), client.is_some(), STREAM_BYTES);
        let has_memory = client.is_none() || shares.has_memory(client);
        (has_memory && shares.has_memory_for_all()).then_some(share)
    }

    /// Charges a stream without a client to the one that a trusted proxy names in the request's head.
    pub(crate) fn charge_to(&self, client: Option<IpAddr>) {
        let mut present = self.client.lock();
        let Some(client) = client.filter(|_| present.is_none()) else {
            return;
        };
        let (shares, client) = (&self.shares, self.shares.clients.id(client));
        shares.release(shares.clients.of(None), STREAM_BYTES);
        shares.charge(shares.clients.of(Some(client)), true, STREAM_BYTES);
        *present = Some(client);
    }
}

impl Drop for StreamShare {
    fn drop(&mut self) {
        let holdings = self.shares.clients.of(*self.client.lock());
        self.shares.release(holdings, STREAM_BYTES);
    }
}
