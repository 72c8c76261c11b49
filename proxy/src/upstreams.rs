//! Upstreams as they live: resolved addresses, and turns in a rotation that goes on through reloads.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;
use rules::{Endpoint, Upstream};

/// The most addresses that are tried for one request.
pub(crate) const MAX_ATTEMPTS: usize = 8;

/// An upstream that requests can be sent to.
#[derive(Debug)]
pub(crate) struct LiveUpstream {
    definition: Upstream,
    /// For each endpoint one peer for each of its addresses; none is empty.
    endpoints: Box<[Box<[HttpPeer]>]>,
    addresses: usize,
    turns: AtomicUsize,
}

/// An endpoint whose name leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{upstream}`: `{host}` can't be resolved: {reason}")]
pub struct UnresolvedEndpoint {
    /// The upstream's name.
    pub upstream: Box<str>,
    /// The endpoint's host.
    pub host: Box<str>,
    /// What the resolver says.
    pub reason: io::Error,
}

/// Makes the upstreams of `definitions` live. One that `former` has under the same definition is taken over as
/// it is, with its addresses, its turn and, through its key, its pooled connections.
///
/// # Errors
/// Every endpoint that can't be resolved. This asks the system's resolver and may take its time.
pub(crate) fn revive(
    definitions: &[Upstream],
    former: &[Arc<LiveUpstream>],
) -> Result<Box<[Arc<LiveUpstream>]>, Vec<UnresolvedEndpoint>> {
    let mut unresolved = Vec::new();
    let live = definitions.iter().filter_map(|definition| {
        if let Some(same) = former.iter().find(|live| is_same(&live.definition, definition)) {
            return Some(Arc::clone(same));
        }
        LiveUpstream::resolve(definition)
            .map(Arc::new)
            .map_err(|mut failed| unresolved.append(&mut failed))
            .ok()
    });
    let live = live.collect();
    if unresolved.is_empty() {
        Ok(live)
    } else {
        Err(unresolved)
    }
}

impl LiveUpstream {
    fn resolve(definition: &Upstream) -> Result<Self, Vec<UnresolvedEndpoint>> {
        let key = key(definition);
        let mut unresolved = Vec::new();
        let endpoints = definition.endpoints.iter().filter_map(|endpoint| {
            match addresses(&endpoint.host, endpoint.port) {
                Ok(addresses) => Some(
                    addresses
                        .into_iter()
                        .map(|address| peer(address, definition, key))
                        .collect(),
                ),
                Err(reason) => {
                    let (upstream, host) = (definition.name.clone(), endpoint.host.clone());
                    unresolved.push(UnresolvedEndpoint {
                        upstream,
                        host,
                        reason,
                    });
                    None
                }
            }
        });
        let endpoints: Box<[Box<[HttpPeer]>]> = endpoints.collect();
        if !unresolved.is_empty() {
            return Err(unresolved);
        }
        let addresses = endpoints.iter().map(|peers| peers.len()).sum();
        Ok(Self {
            definition: definition.clone(),
            endpoints,
            addresses,
            turns: AtomicUsize::new(0),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    /// Takes the next turn.
    pub(crate) fn take_turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// How many addresses a request may try.
    pub(crate) fn attempts(&self) -> usize {
        self.addresses.min(MAX_ATTEMPTS)
    }

    /// Whom to ask on this turn after so many failures to connect: the endpoints in order from the turn's own
    /// on, each with its first address; then the same with their other addresses.
    pub(crate) fn peer(&self, turn: usize, failures: usize) -> Option<&HttpPeer> {
        let endpoint = self.endpoints.get(self.position(turn, failures)?)?;
        let round = failures.checked_div(self.endpoints.len())?;
        endpoint.get(round.checked_rem(endpoint.len())?)
    }

    /// The `Host` of whom [`LiveUpstream::peer`] asks.
    pub(crate) fn authority(&self, turn: usize, failures: usize) -> Option<String> {
        let Endpoint { host, port } = self.definition.endpoints.get(self.position(turn, failures)?)?;
        Some(if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        })
    }

    fn position(&self, turn: usize, failures: usize) -> Option<usize> {
        turn.wrapping_add(failures).checked_rem(self.endpoints.len())
    }
}

/// Whether two definitions make the same upstream; where they were written makes no difference.
fn is_same(a: &Upstream, b: &Upstream) -> bool {
    a.name == b.name && a.endpoints == b.endpoints && a.timeouts == b.timeouts
}

/// Keeps the pooled connections of different definitions apart.
fn key(definition: &Upstream) -> u64 {
    let timeouts = definition.timeouts;
    let mut hasher = DefaultHasher::new();
    definition.name.hash(&mut hasher);
    definition.endpoints.hash(&mut hasher);
    [
        timeouts.connect_timeout_ms,
        timeouts.read_timeout_ms,
        timeouts.write_timeout_ms,
        timeouts.idle_timeout_ms,
    ]
    .hash(&mut hasher);
    hasher.finish()
}

/// The addresses of a host, IPv4 first, none twice, at most [`MAX_ATTEMPTS`].
fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in (host, port).to_socket_addrs()? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.truncate(MAX_ATTEMPTS);
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    }
    Ok(addresses)
}

fn peer(address: SocketAddr, definition: &Upstream, key: u64) -> HttpPeer {
    // With an address, not a name, this asks no resolver.
    let mut peer = HttpPeer::new(address, false, String::new());
    let timeouts = definition.timeouts;
    let some = |ms| Some(Duration::from_millis(ms));
    peer.options.connection_timeout = some(timeouts.connect_timeout_ms);
    peer.options.total_connection_timeout = some(timeouts.connect_timeout_ms);
    peer.options.read_timeout = some(timeouts.read_timeout_ms);
    peer.options.write_timeout = some(timeouts.write_timeout_ms);
    peer.options.idle_timeout = some(timeouts.idle_timeout_ms);
    peer.group_key = key;
    peer
}

#[cfg(test)]
mod tests;
