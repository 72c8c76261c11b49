//! How connections to an upstream are encrypted. Certificates are here as bytes that were proven to be usable.

use std::fmt;

/// How connections to an upstream are encrypted. The upstream's certificate is always verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// The name that it is asked for, and that its certificate must have.
    pub sni: Box<str>,
    /// Who has to have issued it, in DER; whoever the system trusts where there are none.
    pub roots: Option<Box<[Box<[u8]>]>>,
    /// What we show when we are asked who we are.
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
