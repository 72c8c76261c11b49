//! The amounts that each client address holds.
//!
//! The table has a fixed number of cells, and an address is counted in the cell of its hash. Counting takes no lock
//! and allocates nothing, however many addresses there are. Two addresses in one cell share its limits. The hash is
//! keyed, so a client can't choose another client's cell.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::client_network::network;

/// Number of cells.
const CELLS: usize = 1 << 16;

/// The cell of a client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientId(u16);

/// The amounts that one client holds.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    pub(super) connections: AtomicU32,
    pub(super) in_flight: AtomicU32,
    pub(super) tunnels: AtomicU32,
    /// Memory, in bytes.
    pub(super) buffered: AtomicU64,
}

/// The amounts that all clients hold, by cell.
#[derive(Debug)]
pub(super) struct Clients {
    cells: Box<[Holdings]>,
    /// The amounts of requests and connections without a client: those of trusted proxies that name none.
    unnamed: Holdings,
    hasher: RandomState,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self {
            cells: std::iter::repeat_with(Holdings::default).take(CELLS).collect(),
            unnamed: Holdings::default(),
            hasher: RandomState::new(),
        }
    }

    /// Returns the cell of an address. All addresses of an IPv6 /64 network share one.
    pub(super) fn id(&self, address: IpAddr) -> ClientId {
        let hash = self.hasher.hash_one(network(address)) & u64::from(u16::MAX);
        ClientId(u16::try_from(hash).unwrap_or_default())
    }

    /// Returns the amounts of a client, or of unnamed clients.
    pub(super) fn of(&self, client: Option<ClientId>) -> &Holdings {
        let cell = client.and_then(|client| self.cells.get(usize::from(client.0)));
        cell.unwrap_or(&self.unnamed)
    }

    /// Returns the client with the largest `held` above `floor`, and that amount. Skips the clients of `except`.
    pub(super) fn greediest(
        &self,
        except: &[ClientId],
        floor: u64,
        held: impl Fn(&Holdings) -> u64,
    ) -> Option<(ClientId, u64)> {
        // A scan of all cells, without locks. It only runs while a resource is short.
        let all = self.cells.iter().zip((0..=u16::MAX).map(ClientId));
        let left = all.filter(|(_, client)| !except.contains(client));
        left.map(|(holdings, client)| (client, held(holdings)))
            .filter(|(_, amount)| *amount > floor)
            .max_by_key(|(_, amount)| *amount)
    }
}

impl Holdings {
    /// Returns the client's descriptors: one for each connection, and one to an upstream for each request and tunnel.
    pub(super) fn descriptors(&self) -> usize {
        let held = [&self.connections, &self.in_flight, &self.tunnels];
        let held = held.map(|count| usize::try_from(count.load(Ordering::Relaxed)).unwrap_or(usize::MAX));
        held.into_iter().fold(0, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::{ClientId, Clients, Holdings};

    #[test]
    fn the_greediest_client_holds_more_than_the_floor() {
        let clients = Clients::new();
        let held = |holdings: &Holdings| holdings.descriptors() as u64;
        assert_eq!(clients.greediest(&[], 0, held), None);
        let (one, other) = (ClientId(7), ClientId(u16::MAX));
        clients.of(Some(one)).connections.store(5, Ordering::Relaxed);
        clients.of(Some(other)).connections.store(3, Ordering::Relaxed);
        clients.of(Some(other)).in_flight.store(3, Ordering::Relaxed);
        assert_eq!(clients.greediest(&[], 5, held), Some((other, 6)));
        assert_eq!(clients.greediest(&[other], 4, held), Some((one, 5)));
        assert_eq!(clients.greediest(&[], 6, held), None);
    }

    #[test]
    fn a_mapped_address_and_a_64_are_one_client() {
        let clients = Clients::new();
        let id = |text: &str| clients.id(text.parse().unwrap());
        assert_eq!(id("192.0.2.1"), id("::ffff:192.0.2.1"));
        assert_eq!(id("2001:db8::1"), id("2001:db8::ffff:1"));
    }
}
