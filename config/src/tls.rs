//! What a listener needs for TLS, read and proven to be usable: certificates with their keys, and whose
//! certificates clients may have.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::sign::CertifiedKey;

/// The most certificates of a listener.
pub const MAX_CERTIFICATES: usize = 256;

/// How a listener speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    /// Its certificates; the first stands in for names that none of them has.
    pub certificates: Vec<Certificate>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Whether clients are asked for certificates.
    pub client_certificates: Option<ClientCertificates>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// A certificate and its private key, which belong together.
#[derive(Clone)]
pub struct Certificate {
    /// The DNS names that it was issued for, in lower case; `*.` stands for one label.
    pub names: Box<[Box<str>]>,
    /// The chain and the key.
    pub key: Arc<CertifiedKey>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2 (RFC 5246).
    Tls12,
    /// 1.3 (RFC 8446).
    Tls13,
}

/// Which certificates clients have.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    /// Who issues them.
    pub roots: Arc<RootCertStore>,
    /// Whether they must.
    pub mode: ClientCertificateMode,
}

/// Whether a client must have a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificateMode {
    /// One without is turned away.
    Required,
    /// One without is let in.
    Optional,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Two are the same where their chains are: the key of a certificate is determined by it.
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
