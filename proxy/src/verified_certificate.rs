//! A verified client certificate: the names in it that can be a tenant.

use rules::TenantId;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;

/// A verified certificate: the tenant in each of its fields, and its expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifiedCertificate {
    dns: Option<TenantId>,
    uri: Option<TenantId>,
    common: Option<TenantId>,
    /// Second (since 1970) from which the certificate is expired.
    expires_at: u64,
}

/// A field of a certificate that can name the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateField {
    SanDns,
    SanUri,
    CommonName,
}

impl VerifiedCertificate {
    /// Parses a certificate in DER; none if it is invalid, or its private key can be computed from it (ROCA).
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
            && tokens::has_roca_fingerprint(key.modulus)
        {
            return None;
        }
        let (mut dns, mut uris, mut common) = (Vec::new(), Vec::new(), Vec::new());
        // A repeated extension is an error, because two lists of names would be ambiguous.
        if let Some(names) = certificate.subject_alternative_name().ok()? {
            for name in &names.value.general_names {
                match name {
                    GeneralName::DNSName(name) => dns.push(*name),
                    GeneralName::URI(uri) => uris.push(*uri),
                    _ => {}
                }
            }
        }
        for name in certificate.subject().iter_common_name() {
            common.push(name.as_str().ok()?);
        }
        // The certificate is valid through its last second.
        let expires_at = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        Some(Self {
            dns: only(&dns),
            uri: only(&uris),
            common: only(&common),
            expires_at: expires_at.saturating_add(1),
        })
    }

    /// Returns the tenant in a field.
    pub(crate) fn tenant(&self, place: CertificateField) -> Option<&TenantId> {
        let tenant = match place {
            CertificateField::SanDns => &self.dns,
            CertificateField::SanUri => &self.uri,
            CertificateField::CommonName => &self.common,
        };
        tenant.as_ref()
    }

    /// Returns true if the certificate is valid at `now`, in seconds since 1970. A connection may outlive its
    /// certificate.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        now < self.expires_at
    }
}

/// Parses the only name; none if there are several, because another reader could take another one.
fn only(names: &[&str]) -> Option<TenantId> {
    match names {
        [name] => TenantId::parse(name).ok(),
        _ => None,
    }
}
