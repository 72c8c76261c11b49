//! Certificates made for a test: an authority, what it issues to servers and clients, and a TLS client that
//! trusts it.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct CertificatePair {
    /// The certificate.
    pub cert: String,
    /// The key.
    pub key: String,
}

/// A name in a client's certificate.
#[derive(Debug, Clone, Copy)]
pub enum ClientName<'a> {
    /// A DNS name among its alternative names.
    Dns(&'a str),
    /// A URI among them.
    Uri(&'a str),
    /// The common name of its subject.
    Common(&'a str),
}

/// The TLS settings of a client. Clones share the session cache.
#[derive(Debug, Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Authority {
    /// Creates an authority with a new key.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of tests");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Returns its certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a server certificate for these DNS names.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> CertificatePair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// Issues an expired server certificate for these DNS names.
    #[must_use]
    pub fn expired(&self, names: &[&str]) -> CertificatePair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        self.issue(params)
    }

    /// Issues a client certificate.
    #[must_use]
    pub fn client(&self, names: &[ClientName<'_>]) -> CertificatePair {
        self.issue(client(names))
    }

    /// Issues a client certificate that expires after `life`.
    #[must_use]
    pub fn client_for(&self, names: &[ClientName<'_>], life: Duration) -> CertificatePair {
        let mut params = client(names);
        params.not_after = (SystemTime::now() + life).into();
        self.issue(params)
    }

    /// Returns a client that trusts this authority, requests the server `name`, offers `protocols` and has
    /// `certificate`.
    #[must_use]
    pub fn trusted_by(
        &self,
        name: &str,
        protocols: &[&str],
        certificate: Option<&CertificatePair>,
    ) -> TlsClient {
        self.trusted_over(name, protocols, certificate, rustls::ALL_VERSIONS)
    }

    /// Returns a client like [`Authority::trusted_by`], limited to these versions of TLS.
    #[must_use]
    pub fn trusted_over(
        &self,
        name: &str,
        protocols: &[&str],
        certificate: Option<&CertificatePair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsClient {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match certificate {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![cert], key).unwrap()
            }
        };
        config.alpn_protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        TlsClient {
            config: Arc::new(config),
            name: ServerName::try_from(name.to_owned()).unwrap(),
        }
    }

    fn issue(&self, params: CertificateParams) -> CertificatePair {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        CertificatePair {
            cert,
            key: key.serialize_pem(),
        }
    }
}

fn client(names: &[ClientName<'_>]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.distinguished_name = rcgen::DistinguishedName::new();
    for name in names {
        match *name {
            ClientName::Dns(name) => params
                .subject_alt_names
                .push(SanType::DnsName(name.try_into().unwrap())),
            ClientName::Uri(name) => params
                .subject_alt_names
                .push(SanType::URI(name.try_into().unwrap())),
            ClientName::Common(name) => params.distinguished_name.push(DnType::CommonName, name),
        }
    }
    params
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl CertificatePair {
    /// Returns the certificate in DER, as in a handshake.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.cert.as_bytes())
            .unwrap()
            .to_vec()
    }
}

impl TlsClient {
    /// Runs the handshake on a connection.
    pub(crate) fn handshake(
        &self,
        mut stream: TcpStream,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let mut connection = connection.map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }

    pub(crate) fn parts(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (Arc::clone(&self.config), self.name.clone())
    }
}
