//! The state of a client's connection that the edge and the phases of a request share. It travels as user data of
//! pingora's digest of the connection: pingora has no other place for it.

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
use crate::shares::{ConnectionShare, ServedRequest};
use crate::verified_certificate::VerifiedCertificate;

/// A client's connection to a listener.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    /// The socket as pingora sees it. Its peer address is the client's, also behind a proxy that sends a PROXY
    /// header.
    pub(super) socket_digest: Arc<SocketDigest>,
    /// The result of the TLS handshake; none without TLS.
    pub(crate) tls: Option<Handshake>,
    /// The limits of an HTTP/2 request. The edge enforces those of HTTP/1 itself.
    pub(crate) http2: Option<Http2Limits>,
    /// The counts of HTTP/2 requests; none for HTTP/1.
    pub(crate) streams: Option<Streams>,
    /// The connection's share of the process.
    pub(crate) share: Arc<ConnectionShare>,
    /// The request that it serves over HTTP/1.
    pub(crate) served_request: ServedRequest,
    /// Time for one write to the client.
    pub(crate) write_timeout: Duration,
    /// True once the current request switched protocols: the bytes that follow are not HTTP.
    is_switched: AtomicBool,
    /// True if the connection is kept although pingora treats the exchange as failed.
    is_kept: AtomicBool,
    /// True once the current HTTP/1 request has its complete response, so that the rest of its body is read only to
    /// keep the connection.
    is_answered: AtomicBool,
    /// The fault in the body of the current request. That request is the last of its connection.
    fault: OnceLock<BodyFault>,
    /// The flood that the client was cut off for.
    flood: OnceLock<Flood>,
}

/// The limits of an HTTP/2 request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Http2Limits {
    pub(crate) head: HeadLimits,
    /// Time for its body.
    pub(crate) body_timeout: Duration,
}

/// A fault in the body of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// The framing is invalid.
    Invalid(InvalidBody),
    /// The body did not arrive in time.
    Late,
}

impl ClientConnection {
    /// Creates the state of a connection of `client`, which differs from the socket's peer behind a proxy.
    pub(super) fn new(
        stream: &Stream,
        client: Option<SocketAddr>,
        write_timeout: Duration,
        share: ConnectionShare,
    ) -> Self {
        let socket = SocketDigest::from_raw_fd(stream.id());
        if let Some(client) = client {
            // The cell is empty: the digest was created above.
            let _ = socket.peer_addr.set(Some(client.into()));
        }
        Self {
            socket_digest: Arc::new(socket),
            tls: None,
            http2: None,
            streams: None,
            share: Arc::new(share),
            served_request: ServedRequest::default(),
            write_timeout,
            is_switched: AtomicBool::new(false),
            is_kept: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            fault: OnceLock::new(),
            flood: OnceLock::new(),
        }
    }

    /// Returns the address of the socket's peer.
    pub(super) fn peer_of(stream: &Stream) -> Option<SocketAddr> {
        stream.get_socket_digest()?.peer_addr()?.as_inet().copied()
    }

    /// Returns the address of the client.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.socket_digest.peer_addr()?.as_inet().map(SocketAddr::ip)
    }

    /// Returns the verified certificate of the client.
    pub(crate) fn certificate(&self) -> Option<&Arc<VerifiedCertificate>> {
        self.tls.as_ref()?.client.as_ref()
    }

    /// Returns the digest that pingora carries to every session of the connection.
    pub(super) fn digest(self: &Arc<Self>) -> Option<Arc<ProxyDigest>> {
        // pingora stores a CONNECT response here for connections through a proxy. Nothing reads it for a client's
        // connection.
        let header = ResponseHeader::build(200, Some(0)).ok()?;
        let user_data = Box::new(Arc::clone(self));
        Some(Arc::new(ProxyDigest::new(Box::new(header), Some(user_data))))
    }

    /// Resets the flags that belong to one request.
    pub(super) fn begin_request(&self) {
        self.is_kept.store(false, Ordering::Relaxed);
        self.is_answered.store(false, Ordering::Relaxed);
    }

    /// Marks the connection as switched to another protocol.
    pub(crate) fn set_switched(&self) {
        self.is_switched.store(true, Ordering::Release);
    }

    pub(super) fn is_switched(&self) -> bool {
        self.is_switched.load(Ordering::Acquire)
    }

    /// Keeps the connection open after a failed exchange. Only valid once request and response are complete.
    pub(crate) fn set_kept(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }

    /// Marks the current request as answered, which shortens the deadline of the rest of its body.
    pub(crate) fn set_answered(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    pub(super) fn set_flood(&self, flood: Flood) {
        // Only the first flood is recorded.
        let _ = self.flood.set(flood);
    }

    pub(super) fn flood(&self) -> Option<Flood> {
        self.flood.get().copied()
    }

    /// Records a fault in the body of the current request.
    pub(super) fn set_fault(&self, fault: BodyFault) {
        // Only the first fault is recorded: later errors follow from it.
        let _ = self.fault.set(fault);
    }

    /// Returns the fault in the body of the current request.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.fault.get().copied()
    }
}

/// Returns the connection that the request of `session` arrived on.
pub(crate) fn client_connection(session: &Session) -> Option<&ClientConnection> {
    connection_of_digest(session.digest())
}

/// Returns the connection of a digest, for code that runs before a session exists.
pub(super) fn connection_of_digest(digest: Option<&Digest>) -> Option<&ClientConnection> {
    let digest = digest?.proxy_digest.as_ref()?;
    let connection: &Arc<ClientConnection> = digest.user_data.as_ref()?.downcast_ref()?;
    Some(connection)
}
