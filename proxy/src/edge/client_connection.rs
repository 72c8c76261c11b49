//! What is known of a connection, and what request and connection tell each other.
//! It travels with pingora's digest of the connection, the one place of it that is ours to fill.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::wire::{HeadLimits, InvalidBody};
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{Digest, SocketDigest, Stream};
use pingora::proxy::Session;

use super::flood::Flood;
use super::streams::Streams;
use super::tls::Handshake;
use crate::shares::ConnectionShare;
use crate::verified_certificate::VerifiedCertificate;

/// A connection that arrived at a listener.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    /// As pingora sees it: its peer is the client, whatever proxy is between us.
    pub(super) socket_digest: Arc<SocketDigest>,
    /// What its handshake has shown, where it is encrypted.
    pub(crate) tls: Option<Handshake>,
    /// What a request of HTTP/2 may take. Those of HTTP/1 are measured by the edge.
    pub(crate) http2: Option<Http2Limits>,
    /// The requests of HTTP/2.
    pub(crate) streams: Option<Streams>,
    /// What it takes of the process.
    pub(crate) share: Arc<ConnectionShare>,
    /// How long one write to the client may take.
    pub(crate) write_timeout: Duration,
    /// Whether the present request switched protocols: what follows is no HTTP.
    switched: AtomicBool,
    /// Whether the connection is kept although pingora gives the present exchange up.
    kept: AtomicBool,
    /// Whether the present request of HTTP/1 was answered whole, so that nobody needs the rest of its body.
    answered: AtomicBool,
    /// What is wrong with the body of the present request. It is the connection's last one then.
    fault: OnceLock<BodyFault>,
    /// What the client floods us with, if it does. The connection ends with it.
    flood: OnceLock<Flood>,
}

/// What a request of HTTP/2 may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Http2Limits {
    pub(crate) head: HeadLimits,
    /// How long its body may take.
    pub(crate) body_timeout: Duration,
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It is not framed as it should be.
    Invalid(InvalidBody),
    /// Not all of it came in time.
    Late,
}

impl ClientConnection {
    /// A connection of `client`, who may not be the one at the other end of its socket.
    pub(super) fn new(
        stream: &Stream,
        client: Option<SocketAddr>,
        write_timeout: Duration,
        share: ConnectionShare,
    ) -> Self {
        let socket = SocketDigest::from_raw_fd(stream.id());
        if let Some(client) = client {
            // It is new, so that nothing is set in it.
            let _ = socket.peer_addr.set(Some(client.into()));
        }
        Self {
            socket_digest: Arc::new(socket),
            tls: None,
            http2: None,
            streams: None,
            share: Arc::new(share),
            write_timeout,
            switched: AtomicBool::new(false),
            kept: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            fault: OnceLock::new(),
            flood: OnceLock::new(),
        }
    }

    /// Who is at the other end of its socket.
    pub(super) fn peer_of(stream: &Stream) -> Option<SocketAddr> {
        stream.get_socket_digest()?.peer_addr()?.as_inet().copied()
    }

    /// The address of the client.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.socket_digest.peer_addr()?.as_inet().map(SocketAddr::ip)
    }

    /// The client's certificate, which was verified.
    pub(crate) fn certificate(&self) -> Option<&Arc<VerifiedCertificate>> {
        self.tls.as_ref()?.client.as_ref()
    }

    /// What pingora carries to every session of the connection.
    pub(super) fn digest(self: &Arc<Self>) -> Option<Arc<ProxyDigest>> {
        // No proxy ever answered with this: it only stands where one's answer would.
        let header = ResponseHeader::build(200, Some(0)).ok()?;
        let user_data = Box::new(Arc::clone(self));
        Some(Arc::new(ProxyDigest::new(Box::new(header), Some(user_data))))
    }

    /// Begins the next request.
    pub(super) fn begin_request(&self) {
        self.kept.store(false, Ordering::Relaxed);
        self.answered.store(false, Ordering::Relaxed);
    }

    /// Notes that both sides speak another protocol from now on.
    pub(crate) fn set_switched(&self) {
        self.switched.store(true, Ordering::Release);
    }

    pub(super) fn is_switched(&self) -> bool {
        self.switched.load(Ordering::Acquire)
    }

    /// Keeps the connection, though the exchange failed: the request was read whole, and answered whole.
    pub(crate) fn set_kept(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Has the rest of the body come soon: the request is answered whole.
    pub(crate) fn set_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn set_flood(&self, flood: Flood) {
        // The first one counts.
        let _ = self.flood.set(flood);
    }

    pub(super) fn flood(&self) -> Option<Flood> {
        self.flood.get().copied()
    }

    /// Notes what is wrong with the body.
    pub(super) fn set_fault(&self, fault: BodyFault) {
        // The first one counts.
        let _ = self.fault.set(fault);
    }

    /// What is wrong with the body of the present request.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.fault.get().copied()
    }
}

/// The connection that a request came on.
pub(crate) fn client_connection(session: &Session) -> Option<&ClientConnection> {
    connection_of_digest(session.digest())
}

/// The same before pingora has made a session of it.
pub(super) fn connection_of_digest(digest: Option<&Digest>) -> Option<&ClientConnection> {
    let digest = digest?.proxy_digest.as_ref()?;
    let connection: &Arc<ClientConnection> = digest.user_data.as_ref()?.downcast_ref()?;
    Some(connection)
}
