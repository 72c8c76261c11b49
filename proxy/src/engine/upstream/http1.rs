//! A request on an HTTP/1 connection to an upstream.

use std::task::{Context, Poll, ready};

use ::wire::{
    Fields, Framing, HeadLimits, RequestHead, ResponseHead, keeps_connection, read_response,
    write_request_head,
};
use pingora::protocols::Stream;

use crate::edge::buffered::Buffered;
use crate::engine::body::{BodyFault, BodyReady};
use crate::engine::http1_stream::Http1Stream;
use crate::engine::out_buffer::OutBuffer;
use crate::upstreams::{Failure, UpstreamError};

/// Limits of the head of a response. Applications set large cookies and policies.
const RESPONSE_LIMITS: HeadLimits = HeadLimits {
    bytes: 256 * 1024,
    fields: 256,
};

/// A request on an HTTP/1 connection.
#[derive(Debug)]
pub(in crate::engine) struct Http1Upstream {
    stream: Http1Stream<Stream>,
    /// True if the connection stays open after the response.
    keeps: bool,
    /// Bytes of the buffer that hold no complete head.
    unparsed: usize,
    has_answered: bool,
}

impl Http1Upstream {
    pub(super) fn new(io: Buffered<Stream>) -> Self {
        Self {
            stream: Http1Stream::new(io),
            keeps: false,
            unparsed: 0,
            has_answered: false,
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Appends the head to `out`.
    pub(super) fn begin(&mut self, head: &mut RequestHead, framing: Framing, out: &mut OutBuffer) {
        if framing == Framing::Chunked {
            // A former attempt may have set it already.
            head.fields.set("Transfer-Encoding", b"chunked");
        }
        write_request_head(head, out.bytes());
        self.stream.begin_outgoing(framing);
    }

    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        head: &mut ResponseHead,
    ) -> Poll<Result<Framing, UpstreamError>> {
        loop {
            let buffer = &self.stream.io.buffer;
            // Parsing restarts at the first byte each time, so it runs only when a new line or the size limit can change
            // the result.
            let unread = buffer.get(self.unparsed..).unwrap_or_default();
            if unread.contains(&b'\n') || buffer.len() >= RESPONSE_LIMITS.bytes {
                match read_response(buffer, RESPONSE_LIMITS, method, head) {
                    Ok(Some(bounds)) => {
                        self.unparsed = 0;
                        self.keeps = bounds.framing != Framing::UntilClose
                            && keeps_connection(head.version(), &head.fields);
                        self.stream.begin_incoming(bounds.end, bounds.framing);
                        return Poll::Ready(Ok(bounds.framing));
                    }
                    Ok(None) => {}
                    Err(_) => {
                        let error =
                            UpstreamError::new(Failure::Invalid, "the head of the response is invalid");
                        return Poll::Ready(Err(error));
                    }
                }
            }
            self.unparsed = buffer.len();
            if !matches!(ready!(self.stream.poll_fill(cx)), Ok(1..)) {
                let why = match self.unparsed {
                    0 => "the connection ended before the response",
                    _ => "the connection ended within the head of the response",
                };
                return Poll::Ready(Err(UpstreamError::new(Failure::Broken, why)));
            }
            self.has_answered = true;
        }
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, UpstreamError>> {
        self.stream.poll_body(cx).map_err(|fault| match fault {
            BodyFault::Invalid(_) => {
                UpstreamError::new(Failure::Invalid, "a chunk of the response is invalid")
            }
            BodyFault::Lost => {
                UpstreamError::new(Failure::Broken, "the connection ended within the response")
            }
        })
    }

    pub(super) fn data(&self) -> &[u8] {
        self.stream.data()
    }

    pub(super) fn consume(&mut self, length: usize) {
        self.stream.consume(length);
    }

    pub(super) fn trailers(&self) -> Option<Fields> {
        self.stream.trailers()
    }

    pub(super) fn takes_raw(&self) -> bool {
        self.stream.takes_raw()
    }

    pub(super) fn poll_write_raw(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, UpstreamError>> {
        let written = ready!(self.stream.poll_write_raw(cx, data)).ok();
        Poll::Ready(written.filter(|length| *length > 0).ok_or_else(lost))
    }

    pub(super) fn append(&self, data: &[u8], out: &mut OutBuffer) {
        self.stream.append(data, out);
    }

    pub(super) fn append_end(&mut self, trailers: Option<&Fields>, out: &mut OutBuffer) {
        self.stream.append_end(trailers, out);
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut OutBuffer,
        progress: &mut bool,
    ) -> Poll<Result<(), UpstreamError>> {
        self.stream.poll_write(cx, out, progress).map_err(|_| lost())
    }

    pub(super) fn into_idle(self) -> Option<Buffered<Stream>> {
        let is_done = self.stream.is_incoming_done() && self.stream.io.buffer.is_empty();
        (self.keeps && is_done && !self.stream.has_ended()).then_some(self.stream.io)
    }

    pub(super) fn into_tunnel(self) -> Buffered<Stream> {
        self.stream.io
    }
}

fn lost() -> UpstreamError {
    UpstreamError::new(Failure::Broken, "the connection ended within the request")
}
