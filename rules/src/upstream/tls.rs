//! TLS settings of connections to an upstream. Certificates are bytes that were already checked.

use std::fmt;

/// TLS settings of connections to an upstream. The upstream's certificate is always verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// The server name (SNI), which its certificate must have.
    pub sni: Box<str>,
    /// The accepted root certificates, in DER; those of the system if `None`.
    pub roots: Option<Box<[Box<[u8]>]>>,
    /// The client certificate, sent if the upstream requests one.
    pub client: Option<UpstreamClientCertificate>,
}

/// A certificate and its key, in DER.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UpstreamClientCertificate {
    /// The certificate, then those between it and its root.
    pub chain: Box<[Box<[u8]>]>,
    /// The private key.
    pub key: Box<[u8]>,
}

/// Without the key.
impl fmt::Debug for UpstreamClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("certificates", &self.chain.len())
            .finish_non_exhaustive()
    }
}
