//! The upstream's side of a request.

mod http1;
mod http2;

use std::sync::Arc;
use std::task::{Context, Poll};

use ::wire::{Fields, Framing, RequestHead, ResponseHead};
use pingora::protocols::Stream;

use self::http1::Http1Upstream;
use self::http2::Http2Upstream;
use super::body::BodyReady;
use super::out_buffer::OutBuffer;
use crate::edge::buffered::Buffered;
use crate::shares::RequestShare;
use crate::upstreams::{Connected, UpstreamError};

/// The upstream's side of a request.
#[derive(Debug)]
pub(crate) enum UpstreamSide {
    Http1(Http1Upstream),
    Http2(Http2Upstream),
}

impl UpstreamSide {
    pub(crate) fn new(connected: Connected) -> Self {
        match connected {
            Connected::Http1(io) => Self::Http1(Http1Upstream::new(io)),
            Connected::Http2(slot) => Self::Http2(Http2Upstream::new(slot)),
        }
    }

    /// Returns true once a part of a response has arrived: the upstream has the request.
    pub(crate) fn has_answered(&self) -> bool {
        match self {
            Self::Http1(upstream) => upstream.has_answered(),
            Self::Http2(upstream) => upstream.has_answered(),
        }
    }

    /// Sends the head: appends it to `out`, or hands it to the HTTP/2 layer. `is_tls` is that of the connection.
    ///
    /// # Errors
    /// The connection takes no request.
    pub(crate) fn begin(
        &mut self,
        head: &mut RequestHead,
        framing: Framing,
        (is_tls, share): (bool, Option<&Arc<RequestShare>>),
        out: &mut OutBuffer,
    ) -> Result<(), UpstreamError> {
        match self {
            Self::Http1(upstream) => {
                upstream.begin(head, framing, out);
                Ok(())
            }
            Self::Http2(upstream) => upstream.begin(head, framing, is_tls, share),
        }
    }

    /// Waits for the next head, interim responses included, and returns the framing of its body.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        head: &mut ResponseHead,
    ) -> Poll<Result<Framing, UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream.poll_head(cx, method, head),
            Self::Http2(upstream) => upstream.poll_head(cx, method, head),
        }
    }

    /// Waits for data of the response's body, or for its end.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream.poll_body(cx),
            Self::Http2(upstream) => upstream.poll_body(cx),
        }
    }

    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::Http1(upstream) => upstream.data(),
            Self::Http2(upstream) => upstream.data(),
        }
    }

    pub(crate) fn consume(&mut self, length: usize) {
        match self {
            Self::Http1(upstream) => upstream.consume(length),
            Self::Http2(upstream) => upstream.consume(length),
        }
    }

    pub(crate) fn trailers(&self) -> Option<Fields> {
        match self {
            Self::Http1(upstream) => upstream.trailers(),
            Self::Http2(upstream) => upstream.trailers(),
        }
    }

    /// Returns true if data of the request's body can be written as it is.
    pub(crate) fn takes_raw(&self) -> bool {
        match self {
            Self::Http1(upstream) => upstream.takes_raw(),
            Self::Http2(_) => false,
        }
    }

    /// Writes data of the request's body without a copy. Returns the number of bytes that were written.
    pub(crate) fn poll_write_raw(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream.poll_write_raw(cx, data),
            Self::Http2(_) => Poll::Ready(Ok(0)),
        }
    }

    /// Appends data of the request's body.
    pub(crate) fn append(&self, data: &[u8], out: &mut OutBuffer) {
        match self {
            Self::Http1(upstream) => upstream.append(data, out),
            Self::Http2(_) => out.bytes().extend_from_slice(data),
        }
    }

    /// Marks the end of the request's body.
    pub(crate) fn append_end(&mut self, trailers: Option<&Fields>, out: &mut OutBuffer) {
        match self {
            Self::Http1(upstream) => upstream.append_end(trailers, out),
            Self::Http2(upstream) => upstream.append_end(trailers),
        }
    }

    /// Writes what waits.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut OutBuffer,
        progress: &mut bool,
    ) -> Poll<Result<(), UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream.poll_write(cx, out, progress),
            Self::Http2(upstream) => upstream.poll_write(cx, out, progress),
        }
    }

    /// Returns the connection, if it can serve another request: both messages are complete, and nothing follows.
    pub(crate) fn into_idle(self) -> Option<Buffered<Stream>> {
        match self {
            Self::Http1(upstream) => upstream.into_idle(),
            Self::Http2(_) => None,
        }
    }

    /// Returns the connection for a tunnel, with the bytes that followed the head.
    pub(crate) fn into_tunnel(self) -> Option<Buffered<Stream>> {
        match self {
            Self::Http1(upstream) => Some(upstream.into_tunnel()),
            Self::Http2(_) => None,
        }
    }
}
