//! How pingora is to reach an address: timeouts, and the key that keeps pools of connections apart.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;
use rules::{Endpoint, Upstream};

/// The peer at `address`, one of those of `endpoint`.
pub(super) fn peer(address: SocketAddr, endpoint: &Endpoint, definition: &Upstream) -> HttpPeer {
    // With an address, not a name, this asks no resolver.
    let mut peer = HttpPeer::new(address, false, String::new());
    let timeouts = definition.timeouts;
    let some = |ms| Some(Duration::from_millis(ms));
    peer.options.connection_timeout = some(timeouts.connect_timeout_ms);
    peer.options.total_connection_timeout = some(timeouts.connect_timeout_ms);
    peer.options.read_timeout = some(timeouts.read_timeout_ms);
    peer.options.write_timeout = some(timeouts.write_timeout_ms);
    peer.options.idle_timeout = some(timeouts.idle_timeout_ms);
    peer.group_key = key(endpoint, definition);
    peer
}

/// What a connection depends on, but its address. Neither the other endpoints nor the timeouts are in it, so
/// that connections outlive a change of those.
fn key(endpoint: &Endpoint, definition: &Upstream) -> u64 {
    let mut hasher = DefaultHasher::new();
    definition.name.hash(&mut hasher);
    endpoint.host.hash(&mut hasher);
    hasher.finish()
}
