//! The socket of a client's connection, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pingora::protocols::{Shutdown, Stream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::buffered::Buffered;

/// Time for the TLS close notification.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A client's socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(Stream),
    /// TLS over a buffered stream, which may hold bytes that were read before the handshake.
    Encrypted(Box<TlsStream<Buffered<Stream>>>),
}

/// A client's socket, and the bytes that were read from it early.
pub(crate) type BufferedSocket = Buffered<Socket>;

impl Socket {
    /// Shuts the connection down; over TLS with a close notification.
    pub(crate) async fn shutdown(&mut self) {
        match self {
            Self::Plain(stream) => Shutdown::shutdown(&mut **stream).await,
            Self::Encrypted(tls) => {
                // The connection is closed in any case, so a client that does not take the notification is ignored.
                let _ = tokio::time::timeout(GOODBYE_TIMEOUT, AsyncWriteExt::shutdown(tls)).await;
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, space),
            Self::Encrypted(tls) => Pin::new(tls).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Encrypted(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
            Self::Encrypted(tls) => Pin::new(tls).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Encrypted(tls) => tls.is_write_vectored(),
        }
    }
}
