//! Clients that send one request on each of their connections and keep them open.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::ensure;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::contestant::sluice::Sluice;
use crate::driver::{HOST, Http1, Http2, Request};
use crate::origin::SMALL;
use crate::tokens::TokenSet;

/// The connections from one source address. A client has a share of Sluice's limits, so there are many clients.
const PER_CLIENT: u32 = 200;

/// The protocols of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Http1,
    Http2,
    Http1Tls,
    Http2Tls,
}

/// Opens connections of one kind.
pub(super) struct Clients {
    transport: Transport,
    address: SocketAddr,
    tls: TlsConnector,
    runtime: Runtime,
}

/// An open connection. It is only kept.
enum Open {
    Http1 {
        _connection: Http1<TcpStream>,
    },
    Http1Tls {
        _connection: Box<Http1<TlsStream<TcpStream>>>,
    },
    Http2 {
        _connection: Http2,
    },
}

/// Open connections. They are closed when dropped.
pub(super) struct OpenConnections {
    _connections: Vec<Open>,
}

impl Clients {
    /// Creates clients of one of Sluice's listeners that trust its certificate.
    pub(super) fn new(transport: Transport, sluice: &Sluice) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(sluice.certificate.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (address, alpn) = match transport {
            Transport::Http1 | Transport::Http2 => (sluice.public, None),
            Transport::Http1Tls => (sluice.public_tls, Some("http/1.1")),
            Transport::Http2Tls => (sluice.public_tls, Some("h2")),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self {
            transport,
            address,
            tls: TlsConnector::from(Arc::new(config)),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// Opens connections one after the other and sends an allowed request on each.
    pub(super) fn open(&self, count: u32, tokens: &TokenSet) -> anyhow::Result<OpenConnections> {
        self.runtime.block_on(async {
            let mut open = Vec::new();
            for number in 0..count {
                open.push(self.open_one(number, tokens).await?);
            }
            Ok(OpenConnections { _connections: open })
        })
    }

    async fn open_one(&self, number: u32, tokens: &TokenSet) -> anyhow::Result<Open> {
        let request = Request {
            target: SMALL,
            token: Some(tokens.token(number as usize)),
        };
        let stream = self.connect(number / PER_CLIENT).await?;
        let (answer, open) = match self.transport {
            Transport::Http1 => {
                let mut connection = Http1::new(stream);
                (
                    connection.exchange(&request).await?,
                    Open::Http1 {
                        _connection: connection,
                    },
                )
            }
            Transport::Http1Tls => {
                let mut connection = Box::new(Http1::new(self.handshake(stream).await?));
                (
                    connection.exchange(&request).await?,
                    Open::Http1Tls {
                        _connection: connection,
                    },
                )
            }
            Transport::Http2 => {
                let mut connection = Http2::open(stream).await?;
                (
                    connection.exchange(&request).await?,
                    Open::Http2 {
                        _connection: connection,
                    },
                )
            }
            Transport::Http2Tls => {
                let mut connection = Http2::open(self.handshake(stream).await?).await?;
                (
                    connection.exchange(&request).await?,
                    Open::Http2 {
                        _connection: connection,
                    },
                )
            }
        };
        ensure!(answer.status == 200, "connection {number} got {}", answer.status);
        ensure!(!answer.closes, "connection {number} was closed after its answer");
        Ok(open)
    }

    /// Connects from the loopback address of a client.
    async fn connect(&self, client: u32) -> anyhow::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + client);
        socket.bind((source, 0).into())?;
        Ok(socket.connect(self.address).await?)
    }

    async fn handshake(&self, stream: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(HOST)?;
        Ok(self.tls.connect(name, stream).await?)
    }
}
