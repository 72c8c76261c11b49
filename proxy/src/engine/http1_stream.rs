//! One side of an HTTP/1 connection: the body that arrives on it, and the bytes that are written to it. Client and
//! upstream use it alike.

use std::io;
use std::task::{Context, Poll, ready};

use ::wire::{BodyScanner, Fields, Framing, InvalidBody, write_chunk, write_last_chunk};
use bytes::Buf as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{BodyFault, BodyReady};
use super::out_buffer::OutBuffer;
use crate::edge::buffered::Buffered;

/// A connection and the message that arrives on it.
#[derive(Debug)]
pub(crate) struct Http1Stream<S> {
    pub(crate) io: Buffered<S>,
    incoming: BodyScanner,
    /// The number of bytes at the front of the buffer that are data of the body.
    data: usize,
    outgoing: Framing,
    /// True once the end of the body that is written was appended.
    is_outgoing_done: bool,
    has_ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1Stream<S> {
    pub(crate) fn new(io: Buffered<S>) -> Self {
        Self {
            io,
            incoming: BodyScanner::new(Framing::Empty),
            data: 0,
            outgoing: Framing::Empty,
            is_outgoing_done: true,
            has_ended: false,
        }
    }

    /// Removes the head from the buffer. The body that follows has this framing.
    pub(crate) fn begin_incoming(&mut self, head: usize, framing: Framing) {
        self.io.buffer.advance(head);
        self.incoming = BodyScanner::new(framing);
        self.data = 0;
        if let Framing::Length(length) = framing {
            self.io.expect(length);
        }
    }

    /// Sets the framing of the body that is written.
    pub(crate) fn begin_outgoing(&mut self, framing: Framing) {
        self.outgoing = framing;
        self.is_outgoing_done = framing == Framing::Empty;
    }

    /// Returns true if only the end of the connection could tell that a body that is incomplete is complete.
    pub(crate) fn is_truncated(&self) -> bool {
        self.outgoing == Framing::UntilClose && !self.is_outgoing_done
    }

    /// Returns true if the whole body has arrived and its data was consumed.
    pub(crate) fn is_incoming_done(&self) -> bool {
        self.data == 0 && self.incoming.is_done()
    }

    /// Returns the number of bytes of the body that were not consumed, where its length is stated.
    pub(crate) fn unread(&self) -> Option<u64> {
        self.incoming.missing().map(|missing| missing + self.data as u64)
    }

    /// Returns true if the other side will send nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Waits for data of the body, or for its end.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, BodyFault>> {
        loop {
            if self.data > 0 {
                return Poll::Ready(Ok(BodyReady::Data));
            }
            let part = self.incoming.next_part(&self.io.buffer)?;
            self.io.buffer.advance(part.framing);
            self.data = part.data;
            if self.data > 0 {
                continue;
            }
            if self.incoming.is_done() {
                return Poll::Ready(Ok(BodyReady::End));
            }
            if ready!(self.poll_fill(cx))? == 0 && !self.incoming.end() {
                return Poll::Ready(Err(BodyFault::Lost));
            }
        }
    }

    /// Reads more bytes into the buffer. Returns their number, 0 at the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.has_ended {
            return Poll::Ready(Ok(0));
        }
        let read = ready!(self.io.poll_fill_buffer(cx));
        self.has_ended = !matches!(read, Ok(1..));
        Poll::Ready(read)
    }

    /// Returns the data that has arrived.
    pub(crate) fn data(&self) -> &[u8] {
        self.io.buffer.get(..self.data).unwrap_or_default()
    }

    /// Removes data from the front.
    pub(crate) fn consume(&mut self, length: usize) {
        let length = length.min(self.data);
        self.io.buffer.advance(length);
        self.data -= length;
    }

    /// Returns the trailers of the body.
    pub(crate) fn trailers(&self) -> Option<Fields> {
        self.incoming.trailers()
    }

    /// Appends data with the framing of the body that is written.
    pub(crate) fn append(&self, data: &[u8], out: &mut OutBuffer) {
        match self.outgoing {
            Framing::Chunked => write_chunk(data, out.bytes()),
            Framing::Empty | Framing::Length(_) | Framing::UntilClose => out.bytes().extend_from_slice(data),
        }
    }

    /// Appends the end of the body that is written.
    pub(crate) fn append_end(&mut self, trailers: Option<&Fields>, out: &mut OutBuffer) {
        self.is_outgoing_done = true;
        if self.outgoing == Framing::Chunked {
            write_last_chunk(trailers, out.bytes());
        }
    }

    /// Returns true if data is written as it is, so that it needs no copy.
    pub(crate) fn takes_raw(&self) -> bool {
        self.outgoing != Framing::Chunked
    }

    /// Writes data without a copy. Returns the number of bytes that were written.
    pub(crate) fn poll_write_raw(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.io.writer().poll_write(cx, data)
    }

    /// Writes what waits.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut OutBuffer,
        progress: &mut bool,
    ) -> Poll<io::Result<()>> {
        out.poll_write(cx, self.io.writer(), progress)
    }
}

impl From<InvalidBody> for BodyFault {
    fn from(why: InvalidBody) -> Self {
        Self::Invalid(why)
    }
}
