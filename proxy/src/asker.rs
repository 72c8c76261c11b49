//! Who is asking: known by a verified token, or by the certificate of the connection.

use std::sync::Arc;

use rules::{AttributeValue, TenantId};
use tokens::Identity;

use crate::client_certificate::{CertificateName, ClientCertificate};

/// Who is asking. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    Token(Arc<Identity>),
    /// A certificate that was found to name a tenant in this place.
    Certificate(Arc<ClientCertificate>, CertificateName),
}

impl Asker {
    /// The tenant.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Token(identity) => identity.tenant.as_ref().ok(),
            Self::Certificate(certificate, place) => certificate.tenant(*place),
        }
    }

    /// The user, whom only a token names.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Token(identity) => identity.user.as_deref(),
            Self::Certificate(..) => None,
        }
    }

    /// The user's groups.
    pub(crate) fn groups(&self) -> &[Box<str>] {
        match self {
            Self::Token(identity) => &identity.groups,
            Self::Certificate(..) => &[],
        }
    }

    /// What the token says beside that.
    pub(crate) fn attributes(&self) -> &[(u32, AttributeValue)] {
        match self {
            Self::Token(identity) => &identity.attributes,
            Self::Certificate(..) => &[],
        }
    }
}
