//! The edge: the connections of a listener. It admits them, reads each HTTP/1 head under one deadline, watches HTTP/2
//! connections for floods, and hands the engine one well-formed request at a time.

mod admission;
mod backpressure;
pub(crate) mod buffered;
pub(crate) mod client_connection;
mod closing;
mod flood;
mod frame_stream;
mod http1;
mod http2;
mod http2_head;
mod http2_preface;
mod limits;
mod proxied;
pub(crate) mod socket;
mod streams;
pub(crate) mod tls;

use std::sync::Arc;

use ::wire::ProxySource;
use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;
use tokio::time::Instant;

pub(crate) use self::admission::Admission;
pub(crate) use self::backpressure::Backpressure;
use self::buffered::Buffered;
use self::client_connection::ClientConnection;
use self::http2_preface::FirstBytes;
pub(crate) use self::limits::EdgeLimits;
use self::socket::Socket;
use self::streams::Streams;
use crate::forwarding::ForwardingHeaders;
use crate::shared::Shared;

/// The connection handling of one listener.
pub(crate) struct Edge {
    pub(crate) shared: Arc<Shared>,
    /// The listener's name.
    pub(crate) listener: Box<str>,
    pub(crate) limits: EdgeLimits,
    pub(crate) admission: Arc<Admission>,
    /// True if connections begin with a PROXY header.
    pub(crate) expects_proxy_header: bool,
    pub(crate) protocol: ListenerProtocol,
}

/// The protocols of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerProtocol {
    /// HTTP/1.
    Plain,
    /// HTTP/1, or HTTP/2 where a connection begins with its preface (prior knowledge).
    PlainOrHttp2,
    /// TLS, with the protocol that ALPN selects.
    Tls,
}

#[async_trait]
impl ServerApp for Edge {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let (edge, shutdown) = (Arc::clone(self), shutdown.clone());
        // In a task of its own: pingora's keeps the memory of a TLS handshake, which the edge does itself, as long as it
        // runs.
        tokio::spawn(async move { edge.serve_or_refuse(stream, &shutdown).await });
        None
    }
}

/// The reason why a connection is closed before it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionRefusal {
    /// The listener is at its connection limit.
    Full,
    /// The client is at its connection limit on this listener.
    ClientFull,
    /// No file descriptor is left.
    Descriptors,
    /// A memory limit is reached, or the client holds more than is left.
    ClientShare,
    /// The listener expects a PROXY header, and the peer is not a trusted proxy.
    Untrusted,
    /// The PROXY header is missing, malformed or late.
    ProxyHeader,
}

impl ConnectionRefusal {
    fn reason(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ClientFull => "client_full",
            Self::Descriptors => "descriptors",
            Self::ClientShare => "client_share",
            Self::Untrusted => "untrusted",
            Self::ProxyHeader => "proxy_header",
        }
    }
}

impl Edge {
    /// Serves a connection until it ends, or counts its refusal.
    pub(crate) async fn serve_or_refuse(&self, stream: Stream, shutdown: &ShutdownWatch) {
        if let Err(refused) = self.serve(stream, shutdown).await {
            self.shared.metrics.connections.refused.count(refused.reason());
        }
    }

    /// Serves a connection until it ends. The order is: limits, PROXY header, limits of the client, TLS, HTTP.
    async fn serve(&self, stream: Stream, shutdown: &ShutdownWatch) -> Result<(), ConnectionRefusal> {
        // One deadline for the PROXY header, the handshake and the first head together: a separate one for each would
        // let a client hold a slot three times as long.
        let deadline = Instant::now() + self.limits.head_timeout;
        // Slot and descriptor are taken before anything is read, so a connection over the limit costs nothing but its
        // accept.
        let mut admitted = self.admission.admit().ok_or(ConnectionRefusal::Full)?;
        let mut share = self
            .shared
            .shares
            .take_connection_share()
            .ok_or(ConnectionRefusal::Descriptors)?;
        let peer = ClientConnection::peer_of(&stream);
        let mut stream = Buffered::new(stream);
        let trusted = peer.is_some_and(|peer| {
            let prepared = self.shared.current.load();
            prepared.decider.trusted_proxies.networks.contain(peer.ip())
        });
        let (client, use_of_headers) = if self.expects_proxy_header {
            if !trusted {
                return Err(ConnectionRefusal::Untrusted);
            }
            match proxied::source(&mut stream, deadline).await? {
                ProxySource::Client(client) => (Some(client), ForwardingHeaders::ByAddress),
                // The headers are those of a client that the proxy cannot name, or of nobody.
                ProxySource::UnknownClient => (None, ForwardingHeaders::Discarded),
                ProxySource::Proxy => (peer, ForwardingHeaders::Discarded),
            }
        } else {
            (peer, ForwardingHeaders::ByAddress)
        };
        // The connection of a trusted proxy carries many clients, so no single client is charged for it.
        let owner = client.filter(|client| !trusted || Some(*client) != peer);
        let owner = owner.map(|owner| owner.ip());
        if owner.is_some_and(|owner| !admitted.charge(owner)) {
            return Err(ConnectionRefusal::ClientFull);
        }
        if !share.charge(owner) {
            return Err(ConnectionRefusal::ClientShare);
        }
        let end = share.end_signal();
        let connection = ClientConnection::new((client, use_of_headers), self.limits, share);
        tokio::select! {
            // Poll the connection first: a request that is complete is answered even when the signal was just sent.
            biased;
            () = self.serve_protocol(stream, connection, deadline, shutdown) => {}
            // Dropping the protocol's future closes the connection.
            () = end.wait() => {}
        }
        Ok(())
    }

    /// Selects the protocol of the connection and serves it.
    async fn serve_protocol(
        &self,
        stream: Buffered<Stream>,
        mut connection: ClientConnection,
        deadline: Instant,
        shutdown: &ShutdownWatch,
    ) {
        // In a box: it would add to the memory of each connection.
        let refuse = |socket| Box::pin(http2_preface::refuse(socket, self.limits.write_timeout));
        let (socket, http2) = match self.protocol {
            ListenerProtocol::Plain => (stream.map(Socket::Plain), false),
            ListenerProtocol::PlainOrHttp2 => {
                let mut socket = stream.map(Socket::Plain);
                match http2_preface::read(&mut socket, deadline).await {
                    FirstBytes::Preface => (socket, true),
                    FirstBytes::Other => (socket, false),
                    FirstBytes::InvalidPreface => return refuse(socket).await,
                }
            }
            ListenerProtocol::Tls => {
                let handshakes = &self.shared.metrics.connections.tls_handshakes;
                let Some(config) = self.shared.current.load().tls(Some(&self.listener)) else {
                    return handshakes.count("no_certificate");
                };
                let (mut socket, handshake) = match Box::pin(tls::handshake(stream, config, deadline)).await {
                    Ok(encrypted) => encrypted,
                    Err(reason) => return handshakes.count(reason),
                };
                handshakes.count("ok");
                let http2 = handshake.is_http2;
                connection.tls = Some(handshake);
                // The client has agreed on HTTP/2, so its first bytes are nothing else.
                if http2 && http2_preface::read(&mut socket, deadline).await != FirstBytes::Preface {
                    return refuse(socket).await;
                }
                (socket, http2)
            }
        };
        if http2 {
            let refused = self.shared.metrics.connections.http2_requests_refused.clone();
            connection.streams = Some(Streams::new(connection.client(), refused));
        }
        let connection = Arc::new(connection);
        if http2 {
            // In boxes, as the handshake: each connection needs the memory of one of them.
            Box::pin(http2::serve(self, socket, &connection, shutdown.clone())).await;
        } else {
            http1::serve(self, socket, &connection, deadline, shutdown.clone()).await;
        }
    }
}
