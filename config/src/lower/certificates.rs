//! Certificates: read from their files and proven to be usable, so that no handshake finds out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::gateway::Gateway;
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::tls::{Certificate, ClientCertificateMode, ClientCertificates, ListenerTls, TlsVersion};

/// The most bytes of a file of certificates or keys.
const MAX_PEM_BYTES: usize = 1024 * 1024;
/// The most certificates between a certificate and its root, itself included.
const MAX_CHAIN: usize = 16;

impl<'s> Gateway<'_, 's> {
    /// How a listener speaks TLS; none where that has a problem.
    pub(super) fn tls(&mut self, node: &Node<'s>) -> Option<ListenerTls> {
        let nodes = node.field("certificates").and_then(Node::items)?;
        let mut taken = HashMap::new();
        let mut certificates = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            let certificate = self.certificate(node);
            if let Some(certificate) = &certificate {
                self.check_names(node, position, certificate, &mut taken);
            }
            certificates.push(certificate);
        }
        let client_certificates = match node.field("client_certificates") {
            None => None,
            Some(node) => Some(self.client_certificates(node)?),
        };
        let min_version = match node.field("min_version").and_then(Node::text) {
            Some(version) if *version == "1.3" => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        };
        Some(ListenerTls {
            certificates: certificates.into_iter().collect::<Option<_>>()?,
            min_version,
            client_certificates,
            http2: node.field("http2").and_then(Node::boolean).unwrap_or(true),
        })
    }

    /// The certificate and the key of `{ cert: FILE, key: FILE }`.
    pub(crate) fn certificate(&mut self, node: &Node<'s>) -> Option<Certificate> {
        let (cert_node, key_node) = (node.field("cert")?, node.field("key")?);
        let chain = self.chain(cert_node);
        let key = self.private_key(key_node);
        let (chain, key) = (chain?, key?);
        let names = self.leaf_names(cert_node, chain.first()?)?;
        let reason = match CertifiedKey::from_der(chain, key, &default_provider()) {
            Ok(key) => {
                let key = Arc::new(key);
                return Some(Certificate { names, key });
            }
            Err(reason) => reason,
        };
        let (cert, key) = (cert_node.text()?, key_node.text()?);
        if matches!(reason, Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) {
            let title = format!("the key in `{key}` does not belong to the certificate in `{cert}`");
            let at = self.label(key_node.span, "this key");
            let other = self.label(cert_node.span, "the certificate");
            let problem = Problem::error("invalid-certificate", title, at).also(other);
            self.push(problem.help("name the files of one certificate, the server's own first in its file"));
        } else {
            let title = format!("`{cert}` and `{key}` can't be used: {}", words(&reason));
            let help =
                "use a certificate of version 3 with an RSA key of at least 2048 bits, ECDSA or Ed25519";
            self.error("invalid-certificate", title, node.span, help);
        }
        None
    }

    /// The certificates that a file names as those who issue others.
    pub(crate) fn roots(&mut self, node: &Node<'s>) -> Option<Arc<RootCertStore>> {
        let mut roots = RootCertStore::empty();
        // Each was found fit to be added.
        roots.add_parsable_certificates(self.root_certificates(node)?);
        Some(Arc::new(roots))
    }

    /// The same as they are in the file.
    pub(crate) fn root_certificates(&mut self, node: &Node<'s>) -> Option<Vec<CertificateDer<'static>>> {
        let mut roots = RootCertStore::empty();
        let certificates = self.pem_certificates(node)?;
        for certificate in &certificates {
            if let Err(reason) = roots.add(certificate.clone()) {
                let reason = words(&reason);
                let title = format!(
                    "`{}` has a certificate that can't be used: {reason}",
                    node.text()?
                );
                let help = "put the certificates of those there who issue";
                self.error("invalid-certificate", title, node.span, help);
                return None;
            }
        }
        Some(certificates)
    }

    fn client_certificates(&mut self, node: &Node<'s>) -> Option<ClientCertificates> {
        let roots = self.roots(node.field("ca")?)?;
        let mode = match node.field("mode").and_then(Node::text) {
            Some(mode) if *mode == "optional" => ClientCertificateMode::Optional,
            _ => ClientCertificateMode::Required,
        };
        Some(ClientCertificates { roots, mode })
    }

    fn chain(&mut self, node: &Node<'s>) -> Option<Vec<CertificateDer<'static>>> {
        let chain = self.pem_certificates(node)?;
        if chain.len() > MAX_CHAIN {
            let title = format!("`{}` holds more than {MAX_CHAIN} certificates", node.text()?);
            let help = "put the server's certificate there and those between it and its root";
            self.error("limit", title, node.span, help);
            return None;
        }
        Some(chain)
    }

    /// The certificates in the file that `node` names: one at least.
    fn pem_certificates(&mut self, node: &Node<'s>) -> Option<Vec<CertificateDer<'static>>> {
        let bytes = self.file(node, MAX_PEM_BYTES)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => {
                let unreadable = |der: &&CertificateDer<'_>| X509Certificate::from_der(der).is_err();
                if certificates.iter().find(unreadable).is_none() {
                    return Some(certificates);
                }
                let title = format!("`{}` has a certificate that can't be read", node.text()?);
                let help = "put certificates of X.509 there, as they were issued";
                self.error("invalid-certificate", title, node.span, help);
                None
            }
            _ => {
                let title = format!("`{}` holds no certificate in PEM", node.text()?);
                let help = "a certificate begins with `-----BEGIN CERTIFICATE-----`";
                self.error("invalid-certificate", title, node.span, help);
                None
            }
        }
    }

    /// The private key in the file that `node` names.
    pub(crate) fn private_key(&mut self, node: &Node<'s>) -> Option<PrivateKeyDer<'static>> {
        let bytes = self.file(node, MAX_PEM_BYTES)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes);
        if key.is_err() {
            let title = format!("`{}` holds no private key in PEM that can be read", node.text()?);
            let help = "a key begins with `-----BEGIN PRIVATE KEY-----`, and is not encrypted";
            self.error("invalid-certificate", title, node.span, help);
        }
        key.ok()
    }

    /// The DNS names of a certificate. That it has expired, or does not count yet, is a warning: a server that
    /// does not start helps nobody.
    fn leaf_names(&mut self, node: &Node<'s>, leaf: &CertificateDer<'_>) -> Option<Box<[Box<str>]>> {
        let file = node.text()?;
        let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
            let title = format!("the first certificate in `{file}` can't be read");
            let help = "put the server's own certificate first";
            self.error("invalid-certificate", title, node.span, help);
            return None;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = certificate.validity();
        if validity.not_after.timestamp() < now {
            self.warn(node, format!("the certificate in `{file}` has expired"));
        } else if validity.not_before.timestamp() > now {
            self.warn(node, format!("the certificate in `{file}` is not valid yet"));
        }
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        let names = alternatives.iter().flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        });
        Some(names.collect())
    }

    fn warn(&mut self, node: &Node<'s>, title: String) {
        let at = self.label(node.span, "");
        let help = "clients will refuse it: put another in its place, which is taken up without a restart";
        self.loading
            .warnings
            .push(Problem::warning("expired-certificate", title, at).help(help));
    }

    /// Reports certificates that no client can ever be given.
    fn check_names(
        &mut self,
        node: &Node<'s>,
        position: usize,
        certificate: &Certificate,
        taken: &mut HashMap<Box<str>, Span>,
    ) {
        let Some(node) = node.field("cert") else { return };
        let file = node.text().map_or("", |text| text);
        if certificate.names.is_empty() && position > 0 {
            let title = format!("the certificate in `{file}` has no DNS name and is not the first");
            let help = "only the first is given to clients that ask for no name; a name is in the \
                        certificate's subject alternative names";
            self.error("unnamed-certificate", title, node.span, help);
        }
        for name in &certificate.names {
            match taken.get(name) {
                // One certificate may say a name twice.
                Some(span) if *span == node.span => {}
                Some(&span) => {
                    let first = self.label(span, "first here");
                    let title = format!("two certificates of a listener are for `{name}`");
                    let problem = Problem::error("duplicate", title, self.label(node.span, "again here"));
                    self.push(problem.also(first).help("keep one of them"));
                }
                None => {
                    taken.insert(name.clone(), node.span);
                }
            }
        }
    }
}

/// What the TLS library says of it.
fn words(reason: &Error) -> String {
    match reason {
        Error::General(text) => text.clone(),
        _ => reason.to_string(),
    }
}
