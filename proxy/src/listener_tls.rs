//! TLS of a listener: certificates by server name, and the verification of client certificates. Created with a
//! snapshot, and kept while its definition is unchanged.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::server::{
    ClientHello, NoClientAuth, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache,
    WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// Maximum of stored sessions of a listener, for resumption.
const MAX_SESSIONS: usize = 4096;
/// Session tickets for each TLS 1.3 handshake.
const TICKETS: usize = 2;

/// The definition of a listener's TLS.
pub(crate) struct TlsPlan {
    /// The first one is used for unknown names.
    pub(crate) certificates: Vec<NamedCertificate>,
    pub(crate) oldest: MinTlsVersion,
    pub(crate) clients: ClientAuth,
    pub(crate) protocols: Protocols,
}

/// A certificate and its names.
pub(crate) struct NamedCertificate {
    /// The names of the certificate, in lower case.
    pub(crate) names: Box<[Box<str>]>,
    pub(crate) key: Arc<CertifiedKey>,
}

/// The minimum TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MinTlsVersion {
    Tls12,
    Tls13,
}

/// The verification of client certificates, with their trusted issuers.
pub(crate) enum ClientAuth {
    Unasked,
    Optional(Arc<RootCertStore>),
    Required(Arc<RootCertStore>),
}

/// The protocols that ALPN offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    Http1,
    Http1And2,
}

/// The reason why TLS can't be configured.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTls {
    /// The listener has no certificate.
    #[error("there is no certificate")]
    NoCertificate,
    /// rustls rejects the versions.
    #[error(transparent)]
    Versions(#[from] rustls::Error),
    /// rustls rejects the issuers of client certificates.
    #[error(transparent)]
    ClientAuth(#[from] rustls::server::VerifierBuilderError),
}

/// Certificates by name.
#[derive(Debug)]
struct Certificates {
    /// By full name.
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// By the name after the first label.
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    first: Arc<CertifiedKey>,
}

impl TlsPlan {
    /// Builds the server configuration.
    ///
    /// # Errors
    /// There is no certificate, or rustls rejects the definition.
    pub(crate) fn server_config(self) -> Result<ServerConfig, InvalidTls> {
        let provider = Arc::new(default_provider());
        let versions: &[&'static SupportedProtocolVersion] = match self.oldest {
            MinTlsVersion::Tls12 => &[&TLS13, &TLS12],
            MinTlsVersion::Tls13 => &[&TLS13],
        };
        let verifier = |roots| WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let (verifier, is_asked) = match self.clients {
            ClientAuth::Unasked => (Arc::new(NoClientAuth) as _, false),
            ClientAuth::Optional(roots) => (verifier(roots).allow_unauthenticated().build()?, true),
            ClientAuth::Required(roots) => (verifier(roots).build()?, true),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(Certificates::of(self.certificates)?));
        if is_asked {
            // A resumed session presents no certificate, although the certificate may have expired or its issuer may
            // no longer be trusted. Resumption is therefore off.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else {
            config.session_storage = ServerSessionMemoryCache::new(MAX_SESSIONS);
            config.send_tls13_tickets = TICKETS;
        }
        config.alpn_protocols = match self.protocols {
            Protocols::Http1 => vec![b"http/1.1".to_vec()],
            Protocols::Http1And2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        Ok(config)
    }
}

impl Certificates {
    fn of(certificates: Vec<NamedCertificate>) -> Result<Self, InvalidTls> {
        let first = certificates.first().ok_or(InvalidTls::NoCertificate)?;
        let first = Arc::clone(&first.key);
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        for NamedCertificate { names, key } in certificates {
            for name in names {
                match name.strip_prefix("*.") {
                    Some(rest) => wildcard.insert(rest.into(), Arc::clone(&key)),
                    None => exact.insert(name, Arc::clone(&key)),
                };
            }
        }
        Ok(Self {
            exact,
            wildcard,
            first,
        })
    }

    /// Returns the certificate for a name, or the first one.
    fn find(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        let Some(name) = name.map(str::to_ascii_lowercase) else {
            return &self.first;
        };
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact
            .get(name.as_str())
            .or_else(wildcard)
            .unwrap_or(&self.first)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.find(hello.server_name())))
    }
}
