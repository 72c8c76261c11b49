//! A stream with a read buffer: bytes that were read early are returned first.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// Number of bytes that are read at a time at first, and at most. It grows while reads fill the buffer.
const FIRST_READ: usize = 4 * 1024;
const LARGEST_READ: usize = 64 * 1024;

thread_local! {
    /// Space for one read of the first size. No read of a stream reads another stream in this way.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; FIRST_READ].into());
}

/// A stream and the bytes that were read from it early.
#[derive(Debug)]
pub(crate) struct Buffered<S> {
    inner: S,
    pub(crate) buffer: BytesMut,
    /// Number of bytes of the next read.
    next_read: usize,
}

impl<S> Buffered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            inner: stream,
            buffer: BytesMut::new(),
            next_read: FIRST_READ,
        }
    }

    /// Replaces the stream by what `wrap` makes of it, and keeps the buffer.
    pub(crate) fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Buffered<T> {
        Buffered {
            inner: wrap(self.inner),
            buffer: self.buffer,
            next_read: self.next_read,
        }
    }

    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }

    pub(crate) fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }
}

impl<S: AsyncRead + Unpin> Buffered<S> {
    /// Reads more bytes into the buffer. Returns their number, 0 at the end of the stream.
    pub(super) async fn fill_buffer(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill_buffer(cx)).await
    }

    /// Polls [`Buffered::fill_buffer`].
    pub(crate) fn poll_fill_buffer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.next_read == FIRST_READ {
            // Through memory of the thread: a connection that waits for its next request keeps no buffer of this size.
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let mut space = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.inner).poll_read(cx, &mut space))?;
                self.buffer.extend_from_slice(space.filled());
                Poll::Ready(io::Result::Ok(space.filled().len()))
            });
            let length = ready!(read)?;
            if length == FIRST_READ {
                self.next_read = 2 * FIRST_READ;
            }
            return Poll::Ready(Ok(length));
        }
        if self.buffer.capacity() - self.buffer.len() < self.next_read {
            self.buffer.reserve(self.next_read);
        }
        // The future has no state of its own, so it is made anew for each poll.
        let read = pin!(self.inner.read_buf(&mut self.buffer)).poll(cx);
        let length = ready!(read)?;
        if length >= self.next_read {
            self.next_read = (self.next_read * 2).min(LARGEST_READ);
        }
        Poll::Ready(Ok(length))
    }

    /// Prepares for a message of `length` more bytes.
    pub(crate) fn expect(&mut self, length: u64) {
        let length = usize::try_from(length).unwrap_or(LARGEST_READ);
        self.next_read = length.clamp(self.next_read, LARGEST_READ);
    }

    /// Frees memory that a large message took. The buffer must be empty.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() && self.next_read > FIRST_READ {
            self.buffer = BytesMut::new();
            self.next_read = FIRST_READ;
        }
    }

    /// Reads into `space`: from the buffer while it has bytes, else from the stream.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.buffer.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, space);
        }
        let length = self.buffer.len().min(space.remaining());
        space.put_slice(self.buffer.get(..length).unwrap_or_default());
        self.buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Buffered<S> {
    pub(crate) fn writer(&mut self) -> Pin<&mut S> {
        Pin::new(&mut self.inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Buffered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Self::poll_read(self.get_mut(), cx, space)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Buffered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writer().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(cx)
    }
}
