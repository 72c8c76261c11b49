//! A connection of either protocol, its requests and answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http1::Http1;
use super::http2::Http2;
use super::message::{Answer, Request};

/// The maximum time of [`exchange_once`].
const ONCE: Duration = Duration::from_secs(10);

/// The version of HTTP between the load and the contestant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// A connection to a contestant.
#[derive(Debug)]
pub(crate) enum Connection {
    /// HTTP/1.1: one request at a time.
    Http1(Http1<TcpStream>),
    /// HTTP/2: clones share the connection.
    Http2(Http2),
}

impl Connection {
    /// Opens a connection.
    pub(crate) async fn open(protocol: Protocol, address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(match protocol {
            Protocol::Http1 => Self::Http1(Http1::new(stream)),
            Protocol::Http2 => Self::Http2(Http2::open(stream).await?),
        })
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn exchange(&mut self, request: &Request<'_>) -> io::Result<Answer> {
        match self {
            Self::Http1(connection) => connection.exchange(request).await,
            Self::Http2(connection) => connection.exchange(request).await,
        }
    }

    /// Returns the start of the body of the last answer.
    fn body(&self) -> &[u8] {
        match self {
            Self::Http1(connection) => connection.body(),
            Self::Http2(connection) => connection.body(),
        }
    }
}

/// Sends one request on a connection of its own, and returns the status and the start of the body. Blocks.
pub(crate) fn exchange_once(
    protocol: Protocol,
    address: SocketAddr,
    request: &Request<'_>,
) -> anyhow::Result<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let exchange = async {
        let mut connection = Connection::open(protocol, address).await?;
        let answer = connection.exchange(request).await?;
        Ok::<_, io::Error>((
            answer.status,
            String::from_utf8_lossy(connection.body()).into_owned(),
        ))
    };
    let answer = runtime.block_on(async { timeout(ONCE, exchange).await });
    answer
        .context("no answer in time")?
        .with_context(|| format!("{} failed", request.target))
}
