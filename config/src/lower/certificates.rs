//! Certificates: read from their files and checked when a document is loaded, so that no handshake fails because of
//! them.

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
use crate::form::{Placed, PlacedText};
use crate::node::Span;
use crate::problem::Problem;
use crate::shape::listener::{CertificateFields, ClientCertificatesFields, ServerTlsFields};
use crate::tls::{Certificate, ClientCertificateMode, ClientCertificates, ListenerTls, TlsVersion};

/// The maximum size of a file of certificates or keys, in bytes.
const MAX_PEM_BYTES: usize = 1024 * 1024;
/// The maximum number of certificates in a chain, including the server's own.
const MAX_CHAIN: usize = 16;

impl<'s> Gateway<'_, 's> {
    /// Returns the TLS settings of a listener; none if they have a problem.
    pub(super) fn tls(&mut self, tls: &ServerTlsFields<'s>, http2: Option<bool>) -> Option<ListenerTls> {
        let mut taken = HashMap::new();
        let mut certificates = Vec::new();
        for (position, written) in tls.certificates.value().into_iter().flatten().enumerate() {
            let certificate = self.certificate(written);
            if let Some(certificate) = &certificate {
                self.check_names(&written.value, position, certificate, &mut taken);
            }
            certificates.push(certificate);
        }
        let client_certificates = tls
            .client_certificates
            .lower_optional(|clients| self.client_certificates(&clients.value));
        Some(ListenerTls {
            certificates: certificates.into_iter().collect::<Option<_>>()?,
            min_version: tls.min_version.or(TlsVersion::Tls12)?,
            client_certificates: client_certificates?,
            http2: http2?,
        })
    }

    /// Returns the certificate and the key of `{ cert: FILE, key: FILE }`.
    pub(crate) fn certificate(&mut self, written: &Placed<CertificateFields<'s>>) -> Option<Certificate> {
        let (cert, key) = (written.value.cert.written()?, written.value.key.written()?);
        let chain = self.chain(cert);
        let private = self.private_key(key);
        let (chain, private) = (chain?, private?);
        let names = self.leaf_names(cert, chain.first()?)?;
        let reason = match CertifiedKey::from_der(chain, private, &default_provider()) {
            Ok(key) => {
                let key = Arc::new(key);
                return Some(Certificate { names, key });
            }
            Err(reason) => reason,
        };
        if matches!(reason, Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) {
            let title = format!(
                "the key in `{}` does not belong to the certificate in `{}`",
                key.value, cert.value
            );
            let at = self.label(key.span, "this key");
            let other = self.label(cert.span, "the certificate");
            let problem = Problem::error("invalid-certificate", title, at).also(other);
            self.push(problem.help("use a certificate and its own key; in the certificate file the server's certificate comes first"));
        } else {
            let reason = words(&reason);
            let title = format!("`{}` and `{}` can't be used: {reason}", cert.value, key.value);
            let help = "use an X.509 version 3 certificate with an RSA key of at least 2048 bits, an ECDSA key or an Ed25519 key";
            self.error("invalid-certificate", title, written.span, help);
        }
        None
    }

    /// Returns the certificates of the authorities in a file.
    pub(crate) fn roots(&mut self, file: &PlacedText<'s>) -> Option<Arc<RootCertStore>> {
        let mut roots = RootCertStore::empty();
        // Every certificate was added once already, so that none is skipped here.
        roots.add_parsable_certificates(self.root_certificates(file)?);
        Some(Arc::new(roots))
    }

    /// Returns the same certificates in the order of the file.
    pub(crate) fn root_certificates(
        &mut self,
        file: &PlacedText<'s>,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let mut roots = RootCertStore::empty();
        let certificates = self.pem_certificates(file)?;
        for certificate in &certificates {
            if let Err(reason) = roots.add(certificate.clone()) {
                let reason = words(&reason);
                let title = format!("`{}` has a certificate that can't be used: {reason}", file.value);
                let help = "use the certificates of the authorities that issue the others";
                return self.refuse("invalid-certificate", title, file.span, help);
            }
        }
        Some(certificates)
    }

    fn client_certificates(&mut self, clients: &ClientCertificatesFields<'s>) -> Option<ClientCertificates> {
        let roots = self.roots(clients.ca.written()?)?;
        let mode = clients.mode.or(ClientCertificateMode::Required)?;
        Some(ClientCertificates { roots, mode })
    }

    fn chain(&mut self, file: &PlacedText<'s>) -> Option<Vec<CertificateDer<'static>>> {
        let chain = self.pem_certificates(file)?;
        if chain.len() > MAX_CHAIN {
            let title = format!("`{}` contains more than {MAX_CHAIN} certificates", file.value);
            let help = "keep the server's certificate and its intermediates";
            return self.refuse("limit", title, file.span, help);
        }
        Some(chain)
    }

    /// Returns the certificates in a file, at least one.
    fn pem_certificates(&mut self, file: &PlacedText<'s>) -> Option<Vec<CertificateDer<'static>>> {
        let bytes = self.file(file, MAX_PEM_BYTES)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => {
                let unreadable = |der: &&CertificateDer<'_>| X509Certificate::from_der(der).is_err();
                if certificates.iter().find(unreadable).is_none() {
                    return Some(certificates);
                }
                let title = format!("`{}` has a certificate that can't be read", file.value);
                let help = "use the X.509 certificates as they were issued";
                self.refuse("invalid-certificate", title, file.span, help)
            }
            _ => {
                let title = format!("`{}` contains no certificate in PEM", file.value);
                let help = "a certificate begins with `-----BEGIN CERTIFICATE-----`";
                self.refuse("invalid-certificate", title, file.span, help)
            }
        }
    }

    /// Returns the private key in a file.
    pub(crate) fn private_key(&mut self, file: &PlacedText<'s>) -> Option<PrivateKeyDer<'static>> {
        let bytes = self.file(file, MAX_PEM_BYTES)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes);
        if key.is_err() {
            let title = format!("`{}` contains no readable private key in PEM", file.value);
            let help = "a private key begins with `-----BEGIN PRIVATE KEY-----` and is not encrypted";
            self.error("invalid-certificate", title, file.span, help);
        }
        key.ok()
    }

    /// Returns the DNS names of a certificate. Warns if it has expired or is not valid yet. This is not an error,
    /// because a server that does not start would be worse than one with an expired certificate.
    fn leaf_names(&mut self, file: &PlacedText<'s>, leaf: &CertificateDer<'_>) -> Option<Box<[Box<str>]>> {
        let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
            let title = format!("the first certificate in `{}` can't be read", file.value);
            let help = "put the server's own certificate first in the file";
            return self.refuse("invalid-certificate", title, file.span, help);
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = certificate.validity();
        if validity.not_after.timestamp() < now {
            self.warn(file, format!("the certificate in `{}` has expired", file.value));
        } else if validity.not_before.timestamp() > now {
            self.warn(
                file,
                format!("the certificate in `{}` is not valid yet", file.value),
            );
        }
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        let names = alternatives.iter().flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        });
        Some(names.collect())
    }

    fn warn(&mut self, file: &PlacedText<'s>, title: String) {
        let at = self.label(file.span, "");
        let help = "clients will reject it: replace the file; the new certificate is used without a restart";
        self.context
            .warnings
            .push(Problem::warning("expired-certificate", title, at).help(help));
    }

    /// Reports certificates that are never sent to any client.
    fn check_names(
        &mut self,
        written: &CertificateFields<'s>,
        position: usize,
        certificate: &Certificate,
        taken: &mut HashMap<Box<str>, Span>,
    ) {
        let Some(file) = written.cert.written() else {
            return;
        };
        if certificate.names.is_empty() && position > 0 {
            let title = format!(
                "the certificate in `{}` has no DNS name and is not the first",
                file.value
            );
            let help = "use a certificate with a DNS name in its subject alternative names; without one only the first \
                        certificate of a listener is ever sent";
            self.error("unnamed-certificate", title, file.span, help);
        }
        for name in &certificate.names {
            match taken.get(name) {
                // A certificate can contain a name twice.
                Some(span) if *span == file.span => {}
                Some(&span) => {
                    let first = self.label(span, "first here");
                    let title = format!("two certificates of a listener are for `{name}`");
                    let problem = Problem::error("duplicate", title, self.label(file.span, "again here"));
                    self.push(problem.also(first).help("keep one of them"));
                }
                None => {
                    taken.insert(name.clone(), file.span);
                }
            }
        }
    }
}

/// Returns the message of the TLS library.
fn words(reason: &Error) -> String {
    match reason {
        Error::General(text) => text.clone(),
        _ => reason.to_string(),
    }
}
