//! What a listener's handshakes go by: certificates by the name that a client asks for, and whose certificates
//! clients may have. Made when a snapshot is prepared, kept as long as its definition stays the same.

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

/// How many sessions of a listener are remembered, so that clients that come back do without a whole handshake.
const MAX_SESSIONS: usize = 4096;
/// How much of them a client of TLS 1.3 is given with a handshake.
const TICKETS: usize = 2;

/// What TLS on a listener is made of.
pub(crate) struct TlsPlan {
    /// The first stands in for names that none of them has.
    pub(crate) certificates: Vec<NamedCertificate>,
    pub(crate) oldest: MinTlsVersion,
    pub(crate) clients: ClientAuth,
    pub(crate) protocols: Protocols,
}

/// A certificate.
pub(crate) struct NamedCertificate {
    /// The names that it was issued for, in lower case.
    pub(crate) names: Box<[Box<str>]>,
    pub(crate) key: Arc<CertifiedKey>,
}

/// The oldest version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MinTlsVersion {
    Tls12,
    Tls13,
}

/// Whether clients are asked for certificates of these issuers.
pub(crate) enum ClientAuth {
    Unasked,
    Optional(Arc<RootCertStore>),
    Required(Arc<RootCertStore>),
}

/// What is offered above TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    Http1,
    Http1And2,
}

/// Why a listener's TLS can't be had.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTls {
    /// There is no certificate.
    #[error("there is no certificate")]
    NoCertificate,
    /// The library refuses versions.
    #[error(transparent)]
    Versions(#[from] rustls::Error),
    /// The library refuses who issues clients' certificates.
    #[error(transparent)]
    ClientAuth(#[from] rustls::server::VerifierBuilderError),
}

/// Certificates by the names they were issued for.
#[derive(Debug)]
struct Certificates {
    /// By whole names.
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// By what follows the first label.
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    first: Arc<CertifiedKey>,
}

impl TlsPlan {
    /// As handshakes need it.
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
            // A session that is taken up again shows no certificate: its issuer may be gone meanwhile, or its
            // time over. So every connection shows it anew.
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

    /// The certificate for a name, or for none.
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
