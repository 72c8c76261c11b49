//! The connection of a command: TCP, TLS over it, or a socket of this machine. What is secret leaves the machine over
//! TLS only.

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

/// Whether what will be sent may be read on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// It may.
    Open,
    /// It holds a token.
    Secret,
}

/// Whom a client trusts.
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// The authorities in the file, or else the system's.
    pub(super) fn with_authorities(ca: Option<&Path>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(path) => {
                let failed = || format!("can't read the certificates in {}", path.display());
                for certificate in CertificateDer::pem_file_iter(path).with_context(failed)? {
                    roots
                        .add(certificate.with_context(failed)?)
                        .with_context(failed)?;
                }
                if roots.is_empty() {
                    bail!("no certificate is in {}", path.display());
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    bail!("the system has no certificate authorities: name a file of them with --ca");
                }
            }
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// Connects. Without TLS and beyond this machine to nothing that is to be sent a secret.
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
    // Judged by the addresses that are connected to: a name may lead anywhere.
    let is_local = addresses
        .iter()
        .all(|address| address.ip().to_canonical().is_loopback());
    if tls.is_none() && secrecy == Secrecy::Secret && !is_local {
        return Err(ClientError::TokenWithoutTls {
            server: server.to_string(),
        }
        .into());
    }
    let stream = TcpStream::connect(&*addresses).await.map_err(connect_error)?;
    let Some(Tls(tls)) = tls else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(host.to_owned())
        .with_context(|| format!("`{host}` is no name that a certificate could have"))?;
    Ok(Box::new(tls.connect(name, stream).await.map_err(connect_error)?))
}
