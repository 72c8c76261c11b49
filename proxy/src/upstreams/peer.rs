//! pingora's peer of an upstream: protocol, TLS, timeouts, and the key of its connection pool.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::TcpKeepalive;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use rules::{Endpoint, Upstream, UpstreamProtocol, UpstreamTls};

/// The peer of an upstream without an address. Certificates are parsed once.
pub(super) struct Template {
    peer: HttpPeer,
    key: DefaultHasher,
}

impl Template {
    pub(super) fn new(definition: &Upstream) -> Self {
        // An address instead of a name, so that pingora does not resolve it.
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 1));
        let sni = definition.tls.as_ref().map(|tls| tls.sni.to_string());
        let mut peer = HttpPeer::new(nowhere, sni.is_some(), sni.unwrap_or_default());
        if let Some(tls) = &definition.tls {
            encrypt(&mut peer, tls);
        }
        let options = &mut peer.options;
        if definition.protocol == UpstreamProtocol::Http2 {
            options.set_http_version(2, 2);
            options.tcp_keepalive = Some(keepalive());
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

    /// Returns the peer at an address of `endpoint`.
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

/// Returns the settings by which the kernel notices within 20 s that an HTTP/2 upstream is gone. Many requests depend on
/// one connection, and may wait for long. An upstream that leaves the whole connection unread for 20 s counts as gone,
/// too.
fn keepalive() -> TcpKeepalive {
    TcpKeepalive {
        idle: Duration::from_secs(10),
        interval: Duration::from_secs(5),
        count: 2,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::from_secs(20),
    }
}

/// Returns the pool key of a definition. It includes everything that a connection depends on except the address, for
/// example the trusted roots. Timeouts and other endpoints are excluded, so that connections survive their change.
fn key(definition: &Upstream) -> DefaultHasher {
    let mut hasher = DefaultHasher::new();
    definition.name.hash(&mut hasher);
    definition.protocol.hash(&mut hasher);
    definition.tls.hash(&mut hasher);
    hasher
}

/// Sets roots and client certificate. The peer's name is never empty: pingora would skip verification then.
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
