//! The identity that a verified token proves: user, tenant, groups and attributes, and its period of
//! validity.

use rules::{AttributeValue, InvalidTenantId, TenantId, UserId};

use crate::algorithm::Algorithm;
use crate::key_set::Generation;

/// The claims of a verified token. Only [`Issuer::verify`](crate::Issuer::verify) creates one. It never
/// changes, so that an `Arc` of it can be cached and shared.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Identity {
    /// The tenant, or the reason why there is none. A token without a tenant is valid; the answer is 403
    /// instead of 401.
    pub tenant: Result<TenantId, TenantProblem>,
    /// The user. Absent if the claim is, or is not a user id.
    pub user: Option<UserId>,
    /// The groups, in the token's order.
    pub groups: Box<[Box<str>]>,
    /// The attributes that the token has, by the numbers of the issuer's definition.
    pub attributes: Box<[(u32, AttributeValue)]>,
    /// The second (since 1970) from which the token no longer counts: `exp`, or `iat` plus the issuer's
    /// maximum age if that is sooner. Without leeway.
    pub expires_at: u64,
    /// The second from which the token is valid, if it has `nbf`. Without leeway.
    pub not_before: Option<u64>,
    /// The issuer's position among the [`Issuers`](crate::Issuers).
    pub issuer: u32,
    /// The `kid` of its header. Proven to name the key that signed it only where that key has a name.
    pub kid: Option<Box<str>>,
    /// The algorithm of its signature.
    pub algorithm: Algorithm,
    /// The key set it was verified with.
    pub key_set_generation: Generation,
}

/// Reasons why a verified token has no tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TenantProblem {
    /// The claim is absent, or null.
    #[error("the token has no tenant")]
    Missing,
    /// The claim is a number, a list or an object.
    #[error("the token's tenant is not a string")]
    NotAString,
    /// The claim is an empty string.
    #[error("the token's tenant is empty")]
    Empty,
    /// The claim is longer than a tenant id.
    #[error("the token's tenant is too long")]
    TooLong,
    /// The claim has a character that a tenant id can't have.
    #[error("the token's tenant has a character that is not visible ASCII")]
    Character,
}

impl TenantProblem {
    /// Returns a stable name in snake case, for logs and metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "tenant_missing",
            Self::NotAString => "tenant_not_a_string",
            Self::Empty => "tenant_empty",
            Self::TooLong => "tenant_too_long",
            Self::Character => "tenant_character",
        }
    }
}

impl From<InvalidTenantId> for TenantProblem {
    fn from(error: InvalidTenantId) -> Self {
        match error {
            InvalidTenantId::Empty => Self::Empty,
            InvalidTenantId::TooLong { .. } => Self::TooLong,
            InvalidTenantId::Character { .. } => Self::Character,
        }
    }
}

impl Identity {
    /// Returns true if the token is valid at `now`. Both times are in seconds.
    #[must_use]
    pub fn is_fresh(&self, now: u64, leeway: u64) -> bool {
        let started = self
            .not_before
            .is_none_or(|start| now.saturating_add(leeway) >= start);
        started && now < self.expires_at.saturating_add(leeway)
    }

    /// Returns its approximate size in bytes, for a cache that is bounded in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let list = |items: &[Box<str>]| items.iter().map(|item| item.len() + size_of::<Box<str>>()).sum();
        let attribute = |value: &AttributeValue| match value {
            AttributeValue::String(text) => text.len(),
            AttributeValue::List(items) => list(items),
            AttributeValue::Number(_) | AttributeValue::Boolean(_) => 0,
        };
        let tenant = self.tenant.as_ref().map_or(0, |tenant| tenant.as_str().len());
        let user = self.user.as_ref().map_or(0, |user| user.as_str().len());
        let kid = self.kid.as_ref().map_or(0, |kid| kid.len());
        let attributes = self
            .attributes
            .iter()
            .map(|(_, value)| attribute(value))
            .sum::<usize>();
        let slots = self.attributes.len() * size_of::<(u32, AttributeValue)>();
        let groups: usize = list(&self.groups);
        size_of::<Self>() + tenant + user + kid + groups + slots + attributes
    }
}
