//! The state of a client's connection that the edge and the phases of a request share.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use pingora::protocols::Stream;

use super::flood::Flood;
use super::limits::EdgeLimits;
use super::streams::Streams;
use super::tls::Handshake;
use crate::forwarding::{ForwardedScheme, ForwardingHeaders};
use crate::shares::ConnectionShare;
use crate::verified_certificate::VerifiedCertificate;

/// A client's connection to a listener.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    /// The address of the client, also behind a proxy that sends a PROXY header; none if it is not known.
    client: Option<SocketAddr>,
    pub(crate) forwarding_headers: ForwardingHeaders,
    /// The limits of its listener.
    pub(crate) limits: EdgeLimits,
    /// The result of the TLS handshake; none without TLS.
    pub(crate) tls: Option<Handshake>,
    /// The counts of HTTP/2 requests; none for HTTP/1.
    pub(crate) streams: Option<Streams>,
    /// The connection's share of the process.
    pub(crate) share: Arc<ConnectionShare>,
    /// The flood that the client was cut off for.
    flood: OnceLock<Flood>,
}

impl ClientConnection {
    /// Creates the state of a connection of `client`, which differs from the socket's peer behind a proxy.
    pub(super) fn new(
        (client, forwarding_headers): (Option<SocketAddr>, ForwardingHeaders),
        limits: EdgeLimits,
        share: ConnectionShare,
    ) -> Self {
        Self {
            client,
            forwarding_headers,
            limits,
            tls: None,
            streams: None,
            share: Arc::new(share),
            flood: OnceLock::new(),
        }
    }

    /// Returns the address of the socket's peer.
    pub(super) fn peer_of(stream: &Stream) -> Option<SocketAddr> {
        stream.get_socket_digest()?.peer_addr()?.as_inet().copied()
    }

    /// Returns the address of the client.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.client.as_ref().map(SocketAddr::ip)
    }

    /// Returns the verified certificate of the client.
    pub(crate) fn certificate(&self) -> Option<&Arc<VerifiedCertificate>> {
        self.tls.as_ref()?.client.as_ref()
    }

    /// Returns the scheme between the peer and this proxy.
    pub(crate) fn scheme(&self) -> ForwardedScheme {
        match self.tls {
            Some(_) => ForwardedScheme::Https,
            None => ForwardedScheme::Http,
        }
    }

    pub(super) fn set_flood(&self, flood: Flood) {
        // Only the first flood is recorded.
        let _ = self.flood.set(flood);
    }

    pub(super) fn flood(&self) -> Option<Flood> {
        self.flood.get().copied()
    }
}
