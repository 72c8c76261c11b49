//! The edge: what stands between a listener's socket and the HTTP layer. It admits connections, reads heads under
//! one deadline, ends bodies where they end, and hands pingora one well-formed request after the other.

mod arrival;
mod exchange;
mod http1;
mod line;
mod malformed;

use std::sync::Arc;
use std::time::Duration;

use ::wire::HeadLimits;
use async_trait::async_trait;
use pingora::apps::{HttpServerApp as _, ServerApp};
use pingora::protocols::Stream;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;

pub(crate) use self::arrival::{Arrival, arrival};
use self::line::Line;
use crate::gateway::Gateway;
use crate::shared::Shared;

/// What one listener does with its connections.
pub(crate) struct Edge {
    pub(crate) shared: Arc<Shared>,
    pub(crate) proxy: Arc<HttpProxy<Gateway>>,
    /// The listener's name.
    pub(crate) listener: Box<str>,
    pub(crate) limits: EdgeLimits,
}

/// What a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EdgeLimits {
    pub(crate) head: HeadLimits,
    /// How long a head may take, from its first byte on; for the first one from the connection's beginning.
    pub(crate) head_timeout: Duration,
    /// How long a connection may be idle between two requests.
    pub(crate) idle_timeout: Duration,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            head: HeadLimits {
                bytes: 32 * 1024,
                fields: 100,
            },
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

#[async_trait]
impl ServerApp for Edge {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let arrival = Arc::new(Arrival::new(&stream));
        let line = Line::new(stream);
        http1::serve(self, line, &arrival, shutdown.clone()).await;
        None
    }

    async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}
