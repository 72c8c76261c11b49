//! TLS settings of listeners, read and checked: certificates with their keys, and the authorities of client
//! certificates.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::sign::CertifiedKey;

/// The maximum number of certificates of a listener.
pub const MAX_CERTIFICATES: usize = 256;

/// The TLS settings of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    /// The certificates. The first is used for names that none of them contains.
    pub certificates: Vec<Certificate>,
    /// The minimum version.
    pub min_version: TlsVersion,
    /// The request for certificates of clients; none if they are not requested.
    pub client_certificates: Option<ClientCertificates>,
    /// True if HTTP/2 is offered by ALPN.
    pub http2: bool,
}

/// A certificate and its private key, which belong together.
#[derive(Clone)]
pub struct Certificate {
    /// The DNS names among its subject alternative names, in lower case; `*.` matches one label.
    pub names: Box<[Box<str>]>,
    /// The chain and the key.
    pub key: Arc<CertifiedKey>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// The request for certificates of clients.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    /// The certificates of the authorities that issue them.
    pub roots: Arc<RootCertStore>,
    /// The treatment of a client without a certificate.
    pub mode: ClientCertificateMode,
}

/// The treatment of a client without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificateMode {
    /// The handshake fails.
    Required,
    /// The client is admitted.
    Optional,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Certificates are equal if their chains are: a certificate determines its key.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

impl Eq for Certificate {}

impl PartialEq for ClientCertificates {
    fn eq(&self, other: &Self) -> bool {
        self.mode == other.mode && self.roots.roots == other.roots.roots
    }
}

impl Eq for ClientCertificates {}
