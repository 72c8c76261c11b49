//! The stream of an HTTP/2 connection: frames are judged before the HTTP/2 layer sees them, so that a flood costs no work
//! beyond its read, and a request head that stays incomplete has a deadline.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::client_connection::ClientConnection;
use super::flood::{Flood, FloodWatch};
use super::http2_preface::PREFACE;
use super::socket::BufferedSocket;

/// The stream of an HTTP/2 connection.
#[derive(Debug)]
pub(super) struct FrameStream {
    socket: BufferedSocket,
    watch: FloodWatch,
    connection: Arc<ClientConnection>,
    /// The deadline of a request head, while one is incomplete.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl FrameStream {
    pub(super) fn new(socket: BufferedSocket, connection: &Arc<ClientConnection>) -> Self {
        Self {
            socket,
            watch: FloodWatch::new(PREFACE.len(), Instant::now()),
            connection: Arc::clone(connection),
            deadline: None,
        }
    }

    /// Reads frames, and fails when they are a flood.
    fn poll_frames(&mut self, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        ready!(self.socket.poll_read(cx, space))?;
        let read = space.filled().get(before..).unwrap_or_default();
        let flood = self.watch.record_read(read, Instant::now());
        if let Some(streams) = &self.connection.streams {
            streams.set_begun(self.watch.requests());
        }
        let Some(flood) = flood else {
            return Poll::Ready(Ok(()));
        };
        self.connection.set_flood(flood);
        space.set_filled(before);
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    /// Fails the read when a request head is incomplete for too long; `read` is the result so far.
    fn poll_head_deadline(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if !self.watch.is_in_head() {
            self.deadline = None;
            return read;
        }
        let limit = self.connection.limits.head_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        // Polled even if the read is ready, so that bytes sent one at a time do not extend the deadline.
        if deadline.as_mut().poll(cx).is_pending() {
            return read;
        }
        self.connection.set_flood(Flood::SlowHead);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for FrameStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.poll_frames(cx, space);
        self.poll_head_deadline(cx, read)
    }
}

impl AsyncWrite for FrameStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.socket.writer().poll_write(cx, bytes))?;
        self.watch
            .record_written(bytes.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.writer().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.writer().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.socket.writer().poll_write_vectored(cx, bytes))?;
        let mut left = written;
        for part in bytes {
            let length = part.len().min(left);
            self.watch.record_written(part.get(..length).unwrap_or_default());
            left -= length;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.inner().is_write_vectored()
    }
}
