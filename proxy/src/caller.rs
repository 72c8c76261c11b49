//! The caller of a request: known by a verified token, or by the certificate of the connection.

use std::sync::Arc;

use rules::{AttributeValue, TenantId};
use tokens::Identity;

use crate::verified_certificate::{CertificateField, VerifiedCertificate};

/// The caller of a request. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Proven by a verified token.
    Token(Arc<Identity>),
    /// Proven by a certificate that names a tenant in this place.
    Certificate(Arc<VerifiedCertificate>, CertificateField),
    /// Stated in a question to `explain`.
    Stated(Arc<StatedCaller>),
}

/// A caller that a question to `explain` states instead of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedCaller {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: Option<Box<str>>,
    /// The user's groups.
    pub groups: Box<[Box<str>]>,
}

impl Caller {
    /// Returns the tenant.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Token(identity) => identity.tenant.as_ref().ok(),
            Self::Certificate(certificate, place) => certificate.tenant(*place),
            Self::Stated(stated) => Some(&stated.tenant),
        }
    }

    /// Returns the user. A certificate names none.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Token(identity) => identity.user.as_deref(),
            Self::Certificate(..) => None,
            Self::Stated(stated) => stated.user.as_deref(),
        }
    }

    /// Returns the user's groups.
    pub(crate) fn groups(&self) -> &[Box<str>] {
        match self {
            Self::Token(identity) => &identity.groups,
            Self::Certificate(..) => &[],
            Self::Stated(stated) => &stated.groups,
        }
    }

    /// Returns the attributes that the token has.
    pub(crate) fn attributes(&self) -> &[(u32, AttributeValue)] {
        match self {
            Self::Token(identity) => &identity.attributes,
            Self::Certificate(..) | Self::Stated(_) => &[],
        }
    }
}
