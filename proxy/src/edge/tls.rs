//! The TLS handshake, under the deadline of the first head. Failures are counted by reason and not logged, because
//! any client can cause them.

use std::io;
use std::sync::Arc;

use pingora::protocols::Stream;
use rustls::{AlertDescription, Error, PeerIncompatible, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::buffered::Buffered;
use super::socket::{BufferedSocket, Socket};
use crate::verified_certificate::VerifiedCertificate;

/// The result of a handshake.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// The client's certificate, after verification.
    pub(crate) client: Option<Arc<VerifiedCertificate>>,
    /// True if ALPN selected HTTP/2.
    pub(super) is_http2: bool,
}

/// Performs the handshake and reads the client's certificate. An error is the reason, as metrics count it.
pub(super) async fn handshake(
    stream: Buffered<Stream>,
    config: Arc<ServerConfig>,
    deadline: Instant,
) -> Result<(BufferedSocket, Handshake), &'static str> {
    let stream = accept(stream, config, deadline).await?;
    let (_, connection) = stream.get_ref();
    let is_http2 = connection.alpn_protocol() == Some(b"h2");
    let certificate = connection
        .peer_certificates()
        .and_then(|certificates| certificates.first());
    let client = match certificate.map(|certificate| VerifiedCertificate::read(certificate)) {
        None => None,
        Some(Some(client)) => Some(Arc::new(client)),
        // A certificate that was verified but can't be read proves nothing.
        Some(None) => return Err("bad_certificate"),
    };
    let socket = BufferedSocket::new(Socket::Encrypted(Box::new(stream)));
    Ok((socket, Handshake { client, is_http2 }))
}

/// Performs the handshake. An error is the reason, as metrics count it.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Arc<ServerConfig>,
    deadline: Instant,
) -> Result<TlsStream<S>, &'static str> {
    match timeout_at(deadline, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err("timeout"),
    }
}

fn reason(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        None => "closed",
        Some(Error::NoCertificatesPresented) => "no_certificate",
        Some(Error::InvalidCertificate(_)) => "bad_certificate",
        Some(Error::NoApplicationProtocol) => "no_protocol",
        Some(Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        )) => "version",
        Some(Error::InvalidMessage(_) | Error::InappropriateMessage { .. }) => "not_tls",
        Some(Error::AlertReceived(AlertDescription::ProtocolVersion)) => "version",
        Some(Error::AlertReceived(_)) => "refused_by_client",
        Some(_) => "other",
    }
}
