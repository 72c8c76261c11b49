//! A socket with a read buffer: bytes that were read early are returned first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::socket::Socket;

/// Number of bytes read at a time.
const READ_BYTES: usize = 4 * 1024;

/// A socket and the bytes that were read from it early.
#[derive(Debug)]
pub(super) struct BufferedSocket {
    inner: Socket,
    pub(super) buffer: BytesMut,
}

impl BufferedSocket {
    pub(super) fn new(stream: Stream) -> Self {
        Self::over(Socket::Plain(stream))
    }

    pub(super) fn over(socket: Socket) -> Self {
        Self {
            inner: socket,
            buffer: BytesMut::new(),
        }
    }

    /// Reads more bytes into the buffer. Returns their number, 0 at the end of the stream.
    pub(super) async fn fill_buffer(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ_BYTES);
        self.inner.read_buf(&mut self.buffer).await
    }

    /// Polls [`BufferedSocket::fill_buffer`].
    pub(super) fn poll_fill_buffer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
        self.buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Reads into `space`: from the buffer while it has bytes, else from the socket.
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

    pub(super) fn writer(&mut self) -> Pin<&mut Socket> {
        Pin::new(&mut self.inner)
    }

    /// Returns the stream below TLS.
    pub(super) fn stream(&self) -> &Stream {
        self.inner.stream()
    }

    pub(super) fn inner(&self) -> &Socket {
        &self.inner
    }

    pub(super) fn inner_mut(&mut self) -> &mut Socket {
        &mut self.inner
    }
}

impl AsyncRead for BufferedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Self::poll_read(self.get_mut(), cx, space)
    }
}

impl AsyncWrite for BufferedSocket {
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
