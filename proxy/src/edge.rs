//! The edge: what stands between a listener's socket and the HTTP layer. It admits connections, reads heads under
//! one deadline, ends bodies where they end, and hands pingora one well-formed request after the other.

mod admission;
mod arrival;
mod backpressure;
mod exchange;
mod flood;
mod http1;
mod http2;
mod line;
mod malformed;
mod proxied;
mod socket;
mod streams;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::Duration;

use ::wire::HeadLimits;
use async_trait::async_trait;
use pingora::apps::{HttpServerApp as _, ServerApp};
use pingora::protocols::Stream;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::time::Instant;

pub(crate) use self::admission::{Admission, network};
pub(crate) use self::arrival::{Arrival, BodyFault, Http2Limits, arrival};
pub(crate) use self::backpressure::Backpressure;
pub(crate) use self::http2::{Http2, present_stream};
use self::line::Line;
use self::streams::Streams;
use crate::gateway::Gateway;
use crate::shared::Shared;

/// What one listener does with its connections.
pub(crate) struct Edge {
    pub(crate) shared: Arc<Shared>,
    pub(crate) proxy: Arc<HttpProxy<Gateway>>,
    pub(crate) http2: Arc<Http2>,
    /// The listener's name.
    pub(crate) listener: Box<str>,
    pub(crate) limits: EdgeLimits,
    pub(crate) admission: Arc<Admission>,
    /// Whether connections begin with a PROXY header.
    pub(crate) proxied: bool,
    pub(crate) protocol: Protocol,
}

/// What is spoken on a listener's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.
    Plain,
    /// HTTP/1, or HTTP/2 where a connection begins with its preface.
    PlainOrHttp2,
    /// TLS, and above it what is agreed on.
    Tls,
}

/// What a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EdgeLimits {
    pub(crate) head: HeadLimits,
    /// How long a head may take, from its first byte on; the first one and all before it together,
    /// from the connection's beginning.
    pub(crate) head_timeout: Duration,
    /// How long a body may take, from the end of its head on.
    pub(crate) body_timeout: Duration,
    /// How long one write may take.
    pub(crate) write_timeout: Duration,
    /// How long a connection may be idle between two requests.
    pub(crate) idle_timeout: Duration,
}

#[async_trait]
impl ServerApp for Edge {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        if let Err(refused) = self.take(stream, shutdown).await {
            self.shared.metrics.connections_refused.count(refused.reason());
        }
        None
    }

    async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// There are too many.
    Full,
    /// There are too many of this client.
    ClientFull,
    /// No descriptor is left.
    Descriptors,
    /// A limit of memory is reached, or this client holds more than is left.
    ClientShare,
    /// It should begin with a PROXY header, and doesn't come from a trusted proxy.
    Untrusted,
    /// It doesn't begin with the PROXY header that it should.
    ProxyHeader,
}

impl Refused {
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
    /// Takes a connection from its beginning to its end.
    async fn take(&self, stream: Stream, shutdown: &ShutdownWatch) -> Result<(), Refused> {
        // One for all that comes before a first request.
        let deadline = Instant::now() + self.limits.head_timeout;
        let mut admitted = self.admission.admit().ok_or(Refused::Full)?;
        let mut share = self.shared.shares.connect().ok_or(Refused::Descriptors)?;
        let peer = Arrival::peer_of(&stream);
        let mut line = Line::new(stream);
        let trusted = peer.is_some_and(|peer| {
            let serving = self.shared.current.take();
            serving.decider.trusted_proxies.networks.contain(peer.ip())
        });
        let client = if self.proxied {
            if !trusted {
                return Err(Refused::Untrusted);
            }
            proxied::client(&mut line, deadline).await?.or(peer)
        } else {
            peer
        };
        // A trusted proxy's connection is nobody's.
        let owner = client.filter(|client| !trusted || Some(*client) != peer);
        let owner = owner.map(|owner| owner.ip());
        if owner.is_some_and(|owner| !admitted.count_for(owner)) {
            return Err(Refused::ClientFull);
        }
        if !share.charge(owner) {
            return Err(Refused::ClientShare);
        }
        let end = share.end();
        let arrival = Arrival::new(line.stream(), client, self.limits.write_timeout, share);
        tokio::select! {
            biased;
            () = self.speak(line, arrival, deadline, shutdown) => {}
            // Dropping what is spoken closes the connection.
            () = end.given() => {}
        }
        Ok(())
    }

    /// Finds out what is spoken on the connection, and speaks it.
    async fn speak(&self, mut line: Line, mut arrival: Arrival, deadline: Instant, shutdown: &ShutdownWatch) {
        let http2 = match self.protocol {
            Protocol::Plain => false,
            Protocol::PlainOrHttp2 => http2::begins(&mut line, deadline).await,
            Protocol::Tls => {
                let handshakes = &self.shared.metrics.tls_handshakes;
                let Some(config) = self.shared.current.take().tls(Some(&self.listener)) else {
                    return handshakes.count("no_certificate");
                };
                let encrypted = match tls::handshake(line, config, deadline).await {
                    Ok((encrypted, shown)) => {
                        handshakes.count("ok");
                        line = encrypted;
                        shown
                    }
                    Err(reason) => return handshakes.count(reason),
                };
                let http2 = encrypted.http2;
                arrival.tls = Some(encrypted);
                if http2 && !http2::begins(&mut line, deadline).await {
                    return;
                }
                http2
            }
        };
        if http2 {
            let refused = self.shared.metrics.http2_requests_refused.clone();
            arrival.streams = Some(Streams::new(arrival.client(), refused));
            arrival.http2 = Some(Http2Limits {
                head: self.limits.head,
                body_timeout: self.limits.body_timeout,
            });
        }
        let arrival = Arc::new(arrival);
        if http2 {
            http2::serve(self, line, &arrival, shutdown).await;
        } else {
            http1::serve(self, line, &arrival, deadline, shutdown.clone()).await;
        }
    }
}
