//! Connections to endpoints: idle ones first, then new ones. TCP, TLS and their timeouts are pingora's.

use std::time::{Duration, Instant};

use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::protocols::{ALPN, Stream};
use pingora::upstreams::peer::HttpPeer;

use super::endpoint::LiveEndpoint;
use super::failure::{Failure, UpstreamError};
use super::http2_connections::Http2Slot;
use super::idle_connections::IdleLimit;
use crate::edge::buffered::Buffered;

/// Opens a connection to an upstream for the feature `scripted`; none if the upstream refuses it.
#[cfg(feature = "scripted")]
pub type ScriptedConnections = std::sync::Arc<dyn Fn() -> Option<tokio::io::DuplexStream> + Send + Sync>;

/// Opens connections to endpoints.
pub(crate) struct Connector {
    transport: TransportConnector,
    limit: IdleLimit,
    /// Opens HTTP/1 connections in place of the transport.
    #[cfg(feature = "scripted")]
    scripted: Option<ScriptedConnections>,
}

/// A connection for one request.
#[derive(Debug)]
pub(crate) enum Connected {
    /// An HTTP/1 connection, used by this request alone.
    Http1(Buffered<Stream>),
    /// A place on an HTTP/2 connection.
    Http2(Http2Slot),
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionProtocol {
    Http1,
    Http2,
    /// HTTP/1 on a new connection, which never becomes idle.
    Tunnel,
}

impl Connector {
    /// Creates a connector that keeps at most `max_idle` idle HTTP/1 connections.
    pub(crate) fn new(max_idle: usize) -> Self {
        Self {
            // pingora's own pool stays empty.
            transport: TransportConnector::new(Some(ConnectorOptions::new(1))),
            limit: IdleLimit::new(max_idle),
            #[cfg(feature = "scripted")]
            scripted: None,
        }
    }

    /// Creates a connector that gets its connections from a script.
    #[cfg(feature = "scripted")]
    pub(crate) fn scripted(connections: ScriptedConnections) -> Self {
        Self {
            scripted: Some(connections),
            ..Self::new(1)
        }
    }

    /// Takes a connection that is open already.
    pub(crate) fn reuse(
        endpoint: &LiveEndpoint,
        protocol: ConnectionProtocol,
        now: Instant,
    ) -> Option<Connected> {
        match protocol {
            ConnectionProtocol::Http1 => endpoint.state.idle.take(now).map(Connected::Http1),
            ConnectionProtocol::Http2 => endpoint.state.http2.take().map(Connected::Http2),
            ConnectionProtocol::Tunnel => None,
        }
    }

    /// Opens a connection, within `left` if that is less than the connect timeout.
    ///
    /// # Errors
    /// There is no connection. Nothing of the request was sent.
    pub(crate) async fn open(
        &self,
        endpoint: &LiveEndpoint,
        protocol: ConnectionProtocol,
        left: Option<Duration>,
    ) -> Result<Connected, UpstreamError> {
        #[cfg(feature = "scripted")]
        if let Some(connections) = &self.scripted {
            let opened = connections().map(|stream| Connected::Http1(Buffered::new(Box::new(stream))));
            return opened
                .ok_or_else(|| UpstreamError::new(Failure::Unreachable, "the script has no connection"));
        }
        if protocol == ConnectionProtocol::Http2 {
            let timeout = endpoint.peer.options.total_connection_timeout;
            let limit = left.into_iter().chain(timeout).min().unwrap_or(Duration::MAX);
            let connect = |limit| self.connect_http2(endpoint, limit);
            let slot = endpoint.state.http2.take_or_open(limit, connect).await;
            return slot.map(Connected::Http2);
        }
        let stream = self.connect(endpoint, protocol, left).await?;
        Ok(Connected::Http1(Buffered::new(stream)))
    }

    /// Opens an HTTP/2 connection within `limit`.
    async fn connect_http2(
        &self,
        endpoint: &LiveEndpoint,
        limit: Duration,
    ) -> Result<Http2Slot, UpstreamError> {
        let begun = tokio::time::Instant::now();
        let stream = self
            .connect(endpoint, ConnectionProtocol::Http2, Some(limit))
            .await?;
        if endpoint.peer.is_tls() && stream.selected_alpn_proto() != Some(ALPN::H2) {
            let why = "the upstream did not agree on HTTP/2";
            return Err(UpstreamError::new(Failure::Invalid, why));
        }
        let left = limit.saturating_sub(begun.elapsed());
        let opened = tokio::time::timeout(left, endpoint.state.http2.open(stream)).await;
        opened.unwrap_or_else(|_| {
            let why = "the upstream sent no HTTP/2 SETTINGS in time";
            Err(UpstreamError::new(Failure::ConnectTimeout, why))
        })
    }

    /// Connects to an endpoint, with TLS if it has it.
    async fn connect(
        &self,
        endpoint: &LiveEndpoint,
        protocol: ConnectionProtocol,
        left: Option<Duration>,
    ) -> Result<Stream, UpstreamError> {
        let shortened = shortened(&endpoint.peer, protocol, left);
        let peer = shortened.as_ref().unwrap_or(&endpoint.peer);
        let stream = self.transport.new_stream(peer).await;
        stream.map_err(|error| UpstreamError::of_connect(&error))
    }

    /// Keeps a connection until `until` for a later request.
    pub(crate) fn keep(&self, endpoint: &LiveEndpoint, stream: Buffered<Stream>, until: Instant) {
        endpoint.state.idle.put(stream, until, &self.limit);
    }
}

/// Returns the peer with other timeouts or another protocol, if it needs them.
fn shortened(peer: &HttpPeer, protocol: ConnectionProtocol, left: Option<Duration>) -> Option<HttpPeer> {
    let timeout = peer.options.total_connection_timeout;
    let is_short = left.is_some_and(|left| timeout.is_none_or(|timeout| left < timeout));
    if !is_short && protocol != ConnectionProtocol::Tunnel {
        return None;
    }
    let mut peer = peer.clone();
    if is_short {
        peer.options.connection_timeout = left;
        peer.options.total_connection_timeout = left;
    }
    if protocol == ConnectionProtocol::Tunnel {
        // HTTP/2 has no switch of protocols (RFC 9113 section 8.6).
        peer.options.set_http_version(1, 1);
        // It has a timeout of its own.
        peer.options.tcp_keepalive = None;
    }
    Some(peer)
}
