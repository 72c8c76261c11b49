//! The connection of a command: TCP, TLS over TCP, or a Unix socket. Secrets leave the machine only over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::address::ServerAddress;
use super::error::ClientError;

/// A connection of any kind.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

/// The confidentiality that the sent data requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// None.
    Open,
    /// The data may contain a token.
    Secret,
}

/// TLS with the certificate authorities that a client trusts.
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// Trusts the authorities in the file, or else the system's.
    ///
    /// # Errors
    /// The file can't be read, or there are no authorities.
    pub(super) fn with_authorities(ca: Option<&Path>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(path) => {
                let context = || format!("can't read the certificates in {}", path.display());
                for certificate in CertificateDer::pem_file_iter(path).with_context(context)? {
                    roots
                        .add(certificate.with_context(context)?)
                        .with_context(context)?;
                }
                if roots.is_empty() {
                    bail!("{} contains no certificate", path.display());
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    bail!("the system has no certificate authorities: name a file with --ca");
                }
            }
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// Connects to the server.
///
/// # Errors
/// The server is not reachable, or a secret would leave this machine without TLS. Then no connection is made.
pub(super) async fn connect(
    server: &ServerAddress,
    tls: Option<&Tls>,
    secrecy: Secrecy,
) -> Result<Box<dyn ByteStream>> {
    let connect_error = |reason| ClientError::Connect {
        server: server.to_string(),
        reason,
    };
    let (host, port) = match server {
        ServerAddress::Unix(path) => {
            return Ok(Box::new(UnixStream::connect(path).await.map_err(connect_error)?));
        }
        ServerAddress::Tcp { host, port, .. } => (host.as_str(), *port),
    };
    let resolved = tokio::net::lookup_host((host, port))
        .await
        .map_err(connect_error)?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    // Decided by the addresses that are connected to, because a name such as `localhost` may resolve to any address.
    let is_local = addresses
        .iter()
        .all(|address| address.ip().to_canonical().is_loopback());
    if tls.is_none() && secrecy == Secrecy::Secret && !is_local {
        return Err(ClientError::TokenWithoutTls {
            server: server.to_string(),
        }
        .into());
    }
    // The addresses that were checked, not the name: a second look-up could return others.
    let stream = TcpStream::connect(&*addresses).await.map_err(connect_error)?;
    let Some(Tls(tls)) = tls else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(host.to_owned())
        .with_context(|| format!("`{host}` can't be the name in a certificate"))?;
    Ok(Box::new(tls.connect(name, stream).await.map_err(connect_error)?))
}
