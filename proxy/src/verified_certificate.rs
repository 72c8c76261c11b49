//! A client's certificate: the names in it that can be a tenant. It was verified in the handshake.

use rules::TenantId;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// What a verified certificate says: which tenant, if it is looked for in one of these places, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifiedCertificate {
    dns: Option<TenantId>,
    uri: Option<TenantId>,
    common: Option<TenantId>,
    /// The second (since 1970) from which it no longer counts.
    expires_at: u64,
}

/// Where in a certificate the tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateField {
    SanDns,
    SanUri,
    CommonName,
}

impl VerifiedCertificate {
    /// Reads a certificate in DER.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (mut dns, mut uris, mut common) = (Vec::new(), Vec::new(), Vec::new());
        // Twice the same extension is an error, and not two lists.
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
        // The last second of it counts whole.
        let expires_at = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        Some(Self {
            dns: only(&dns),
            uri: only(&uris),
            common: only(&common),
            expires_at: expires_at.saturating_add(1),
        })
    }

    /// The tenant that it names.
    pub(crate) fn tenant(&self, place: CertificateField) -> Option<&TenantId> {
        let tenant = match place {
            CertificateField::SanDns => &self.dns,
            CertificateField::SanUri => &self.uri,
            CertificateField::CommonName => &self.common,
        };
        tenant.as_ref()
    }

    /// Whether it still counts, on a connection that may be older than it was to become.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        now < self.expires_at
    }
}

/// The tenant of one name. Of several, another reader could take another.
fn only(names: &[&str]) -> Option<TenantId> {
    match names {
        [name] => TenantId::parse(name).ok(),
        _ => None,
    }
}
