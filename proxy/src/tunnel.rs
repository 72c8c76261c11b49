//! Connections to upstreams for WebSocket requests. They work around a race in pingora (cloudflare/pingora#946): if
//! the upstream's `101` is read before the end of the request's empty body is passed on, pingora takes that end for
//! the end of the tunnel.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

static CONNECT: LazyLock<Arc<TunnelConnect>> = LazyLock::new(|| Arc::new(TunnelConnect));

/// Prepares `peer` for a tunnel. Its connection is new and used by this request alone, because `unique` gives it a
/// pool of its own.
pub(crate) fn prepare(peer: &mut HttpPeer, unique: u64) {
    peer.options.custom_l4 = Some(Arc::clone(&*CONNECT) as Arc<dyn L4Connect + Send + Sync>);
    peer.group_key = unique;
    peer.options.idle_timeout = Some(std::time::Duration::ZERO);
    // HTTP/2 has no switch of protocols (RFC 9113 section 8.6).
    peer.options.set_http_version(1, 1);
}

#[derive(Debug)]
struct TunnelConnect;

#[async_trait]
impl L4Connect for TunnelConnect {
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let Some(address) = address.as_inet() else {
            return Error::e_explain(ErrorType::ConnectError, "a tunnel needs an internet address");
        };
        let stream = TcpStream::connect(address).await.map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::ConnectionRefused => ErrorType::ConnectRefused,
                _ => ErrorType::ConnectError,
            };
            Error::because(kind, "connecting for a tunnel", error)
        })?;
        Ok(VirtualSocketStream::new(Box::new(DelayedReadStream {
            stream,
            has_delayed: false,
        }))
        .into())
    }
}

/// A stream whose first read after a write returns pending, even if data is available. pingora then passes on the end
/// of the request's body, which is ready, before it reads the response.
#[derive(Debug)]
struct DelayedReadStream {
    stream: TcpStream,
    has_delayed: bool,
}

impl AsyncRead for DelayedReadStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_delayed {
            self.has_delayed = true;
            // Poll again at once: the data may already be there, and nothing else would wake the task.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for DelayedReadStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Over TLS the handshake has already used the delay, so each write restarts it.
        self.has_delayed = false;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl VirtualSocket for DelayedReadStream {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.stream.set_nodelay(true),
            // pingora sets other options only if they are configured, which this proxy does not do.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::{AsyncRead as _, DelayedReadStream, Pin, Poll, ReadBuf, TcpStream};

    #[tokio::test]
    async fn first_read_is_pending_and_the_second_reads_all_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        other.write_all(b"101").await.unwrap();
        stream.readable().await.unwrap();
        let mut patient = DelayedReadStream {
            stream,
            has_delayed: false,
        };
        let mut bytes = [0; 3];
        let first = poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut bytes);
            Poll::Ready(
                Pin::new(&mut patient)
                    .poll_read(context, &mut buffer)
                    .is_pending(),
            )
        });
        assert!(first.await);
        patient.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"101");
    }
}
