//! How pingora is to reach an upstream: protocol, TLS, timeouts, and the key that keeps pools of connections
//! apart.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use rules::{Endpoint, Upstream, UpstreamProtocol, UpstreamTls};

/// The most requests at once on one connection of HTTP/2.
const MAX_H2_STREAMS: u16 = 100;
/// The most of one answer that waits in the HTTP layer on a connection of HTTP/2, in bytes.
const H2_STREAM_WINDOW: u32 = 256 * 1024;
/// The same of all answers on it: as many as there may be, so that one that nobody takes holds no other up.
const H2_CONNECTION_WINDOW: u32 = H2_STREAM_WINDOW * MAX_H2_STREAMS as u32;
/// How often a connection of HTTP/2 is asked whether it is still there.
const H2_PING_INTERVAL: Duration = Duration::from_secs(10);

/// The peer of an upstream, but for the address: certificates are parsed once.
pub(super) struct Template {
    peer: HttpPeer,
    key: DefaultHasher,
}

impl Template {
    pub(super) fn new(definition: &Upstream) -> Self {
        // With an address, not a name, this asks no resolver.
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 1));
        let sni = definition.tls.as_ref().map(|tls| tls.sni.to_string());
        let mut peer = HttpPeer::new(nowhere, sni.is_some(), sni.unwrap_or_default());
        if let Some(tls) = &definition.tls {
            encrypt(&mut peer, tls);
        }
        let options = &mut peer.options;
        if definition.protocol == UpstreamProtocol::Http2 {
            options.set_http_version(2, 2);
            options.max_h2_streams = usize::from(MAX_H2_STREAMS);
            options.h2_stream_window_size = Some(H2_STREAM_WINDOW);
            options.h2_connection_window_size = Some(H2_CONNECTION_WINDOW);
            options.h2_ping_interval = Some(H2_PING_INTERVAL);
        }
        let timeouts = definition.timeouts;
        let some = |ms| Some(Duration::from_millis(ms));
        options.connection_timeout = some(timeouts.connect_timeout_ms);
        options.total_connection_timeout = some(timeouts.connect_timeout_ms);
        options.read_timeout = some(timeouts.read_timeout_ms);
        options.write_timeout = some(timeouts.write_timeout_ms);
        options.idle_timeout = some(timeouts.idle_timeout_ms);
        Self {
            peer,
            key: key(definition),
        }
    }

    /// The peer at an address of `endpoint`.
    pub(super) fn at(&self, address: SocketAddr, endpoint: &Endpoint) -> HttpPeer {
        let mut key = self.key.clone();
        endpoint.host.hash(&mut key);
        let mut peer = self.peer.clone();
        peer._address = pingora::protocols::l4::socket::SocketAddr::Inet(address);
        peer.group_key = key.finish();
        peer
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").finish_non_exhaustive()
    }
}

/// What a connection depends on, but its address: that of two upstreams with one address but different roots
/// may not be shared. Neither the other endpoints nor the timeouts are in it, so that connections outlive a
/// change of those.
fn key(definition: &Upstream) -> DefaultHasher {
    let mut hasher = DefaultHasher::new();
    definition.name.hash(&mut hasher);
    definition.protocol.hash(&mut hasher);
    definition.tls.hash(&mut hasher);
    hasher
}

/// The name is never empty: pingora would verify nothing then.
fn encrypt(peer: &mut HttpPeer, tls: &UpstreamTls) {
    if let Some(roots) = &tls.roots {
        let roots = roots
            .iter()
            .map(|root| WrappedX509::new(root.to_vec(), parse_x509));
        peer.options.ca = Some(roots.collect());
    }
    if let Some(client) = &tls.client {
        let chain = client.chain.iter().map(|certificate| certificate.to_vec());
        let pair = CertKey::new(chain.collect(), client.key.to_vec());
        peer.client_cert_key = Some(Arc::new(pair));
    }
}
