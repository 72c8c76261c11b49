//! The caller of a request, identified by a verified token or by the connection's certificate.

use std::sync::Arc;

use rules::{AttributeValue, TenantId, UserId};
use tokens::Identity;

use crate::verified_certificate::{CertificateField, VerifiedCertificate};

/// The caller of a request. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Proven by a verified token.
    Token(Arc<Identity>),
    /// Proven by a certificate, whose field names the tenant.
    Certificate(Arc<VerifiedCertificate>, CertificateField),
    /// Stated in a dry run.
    Stated(Arc<StatedCaller>),
}

/// A caller that a dry run states instead of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedCaller {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: Option<UserId>,
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

    /// Returns the user; none for a certificate.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Token(identity) => identity.user.as_ref().map(UserId::as_str),
            Self::Certificate(..) => None,
            Self::Stated(stated) => stated.user.as_ref().map(UserId::as_str),
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

    /// Returns the attributes of the token.
    pub(crate) fn attributes(&self) -> &[(u32, AttributeValue)] {
        match self {
            Self::Token(identity) => &identity.attributes,
            Self::Certificate(..) | Self::Stated(_) => &[],
        }
    }
}
