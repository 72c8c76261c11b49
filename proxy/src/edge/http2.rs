//! HTTP/2: pingora serves the connection, within the limits set here. A client that exceeds a limit far beyond
//! regular use loses its connection.

use std::sync::Arc;

use async_trait::async_trait;
use h2::Reason;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp as _};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;

use super::client_connection::{ClientConnection, connection_of_digest};
use super::http2_stream::{Http2Stream, STREAM};
use super::pingora_stream::PingoraStream;
use super::socket::BufferedSocket;
use super::{Edge, EdgeLimits};
use crate::answer::AnswerCode;
use crate::proxy_hooks::ProxyHooks;
use crate::shared::Shared;
use crate::shares::EndSignal;

/// Concurrent streams of one connection.
const MAX_STREAMS: u32 = 100;
/// Bytes that a header field counts beside its name and value (RFC 9113 section 6.5.2).
const FIELD_OVERHEAD: usize = 32;
/// Flow-control window of one stream, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Flow-control window of a connection, in bytes.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Maximum of response bytes that are buffered for one stream.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// Reset streams that wait to be accepted (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that the proxy resets because of protocol errors of the client (CVE-2025-8671).
const MAX_OWN_RESETS: usize = 256;

/// pingora's request loop for HTTP/2 connections, with the limits of one listener.
pub(crate) struct Http2 {
    shared: Arc<Shared>,
    proxy: Arc<HttpProxy<ProxyHooks>>,
    options: H2Options,
    server: HttpServerOptions,
}

impl Http2 {
    pub(crate) fn new(shared: &Arc<Shared>, proxy: &Arc<HttpProxy<ProxyHooks>>, limits: &EdgeLimits) -> Self {
        let mut server = HttpServerOptions::default();
        server.h2_idle_timeout = Some(limits.idle_timeout);
        Self {
            shared: Arc::clone(shared),
            proxy: Arc::clone(proxy),
            options: options(limits),
            server,
        }
    }
}

#[async_trait]
impl HttpServerApp for Http2 {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let connection =
            connection_of_digest(session.digest()).map(|connection| Arc::clone(&connection.share));
        // The stream is charged before its head is judged: a refused request also occupies memory until its response
        // is taken.
        let stream = connection.as_ref().map(|connection| {
            connection.touch();
            self.shared.shares.take_stream_share(connection)
        });
        if stream.as_ref().is_some_and(Option::is_none) {
            self.shared
                .metrics
                .requests
                .rejections
                .count(AnswerCode::CLIENT_LIMIT.name);
            if let ServerSession::H2(mut stream) = session {
                // A reset costs less memory than an answer, which would wait for the client's window.
                stream.shutdown_with_reason(Reason::ENHANCE_YOUR_CALM);
            }
            return None;
        }
        let end = Arc::new(EndSignal::with_fallback(
            connection.and_then(|connection| connection.fallback_end_signal()),
        ));
        let stream = Http2Stream {
            end: Arc::clone(&end),
            share: stream.flatten(),
        };
        let request = self.proxy.process_new_http(session, shutdown);
        let reused = tokio::select! {
            biased;
            // The request is polled first, so that one that is complete is not counted as shed.
            reused = STREAM.scope(stream, request) => reused,
            // Dropping the future resets the stream.
            () = end.wait() => return None,
        };
        // From here on the signal falls back to the connection: response frames may still wait in the HTTP layer.
        end.set_task_ended();
        reused
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.options.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.server)
    }
}

/// Returns the HTTP/2 settings of a connection.
fn options(limits: &EdgeLimits) -> H2Options {
    // The HTTP layer's limit is higher than the proxy's own, so that most oversized heads get a 431 instead of a
    // reset.
    let overhead = limits.head.fields.saturating_mul(FIELD_OVERHEAD);
    let header_list = limits.head.bytes.saturating_add(overhead);
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(header_list).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(Some(MAX_OWN_RESETS));
    options
}

/// Serves an HTTP/2 connection until it ends, and counts the flood that ended it.
pub(super) async fn serve(
    edge: &Edge,
    socket: BufferedSocket,
    connection: &Arc<ClientConnection>,
    shutdown: &ShutdownWatch,
) {
    let stream = PingoraStream::for_http2(socket, connection, edge.limits.head_timeout);
    edge.http2.process_new(Box::new(stream), shutdown).await;
    if let Some(flood) = connection.flood() {
        edge.shared.metrics.connections.broken_off.count(flood.reason());
    }
}
