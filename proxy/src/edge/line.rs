//! A connection as bytes: what was read ahead of what was asked for is kept, and comes first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

/// How much is read at a time.
const READ_BYTES: usize = 4 * 1024;

/// A connection, and what was read of it too early.
#[derive(Debug)]
pub(super) struct Line {
    stream: Stream,
    pub(super) ahead: BytesMut,
}

impl Line {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
        }
    }

    /// Reads more ahead; 0 at the end.
    pub(super) async fn read_ahead(&mut self) -> io::Result<usize> {
        self.ahead.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.ahead).await
    }

    /// The same for those who poll.
    pub(super) fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        self.ahead.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Reads into `space`, first what was read ahead.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, space);
        }
        let length = self.ahead.len().min(space.remaining());
        space.put_slice(self.ahead.get(..length).unwrap_or_default());
        self.ahead.advance(length);
        Poll::Ready(Ok(()))
    }

    pub(super) fn writer(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut self.stream)
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(super) fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }
}
