//! A stream with a read buffer: bytes that were read early are returned first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// Number of bytes read at a time.
const READ_BYTES: usize = 4 * 1024;

/// A stream and the bytes that were read from it early.
#[derive(Debug)]
pub(super) struct Buffered<S> {
    inner: S,
    pub(super) buffer: BytesMut,
}

impl<S> Buffered<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            inner: stream,
            buffer: BytesMut::new(),
        }
    }

    /// Replaces the stream by what `wrap` makes of it, and keeps the buffer.
    pub(super) fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Buffered<T> {
        Buffered {
            inner: wrap(self.inner),
            buffer: self.buffer,
        }
    }

    pub(super) fn inner(&self) -> &S {
        &self.inner
    }

    pub(super) fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }
}

impl<S: AsyncRead + Unpin> Buffered<S> {
    /// Reads more bytes into the buffer. Returns their number, 0 at the end of the stream.
    pub(super) async fn fill_buffer(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ_BYTES);
        self.inner.read_buf(&mut self.buffer).await
    }

    /// Polls [`Buffered::fill_buffer`].
    pub(super) fn poll_fill_buffer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
        self.buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Reads into `space`: from the buffer while it has bytes, else from the stream.
    pub(super) fn poll_read(
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
    pub(super) fn writer(&mut self) -> Pin<&mut S> {
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
