//! The subject of a decision: tenant, user, groups and named attributes, all borrowed.

use crate::{AttributeId, Channel, FlagId, Tenant, Value};

/// The most named attributes that a request can bring along.
pub const MAX_SUBJECT_ATTRIBUTES: usize = 32;

/// Names that neither a request nor a tenant record can use for an attribute.
pub const RESERVED_ATTRIBUTES: [&str; 6] = ["tenant", "tier", "channel", "internal", "user", "groups"];

/// The subject of a decision.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The tenant's id; none: anonymous.
    pub tenant: Option<&'a str>,
    /// The tenant's record, if there is one.
    pub record: Option<&'a Tenant>,
    /// The user's id.
    pub user: Option<&'a str>,
    /// The groups that the user is in. Conditions find them missing if there is neither a user nor a group.
    pub groups: &'a [Box<str>],
    /// The request's attributes, by the snapshot's ids. Of two with one name the first counts.
    pub attributes: &'a [(AttributeId, Value<'a>)],
    /// The flags whose circuit breaker is open for the subject's tenant. A request that may try a half-open breaker has
    /// no entry.
    pub open_breakers: &'a [FlagId],
}

/// An attribute that a clause, a split or a rollout reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeRef {
    Tenant,
    Tier,
    Channel,
    Internal,
    User,
    Groups,
    Named(AttributeId),
}

impl AttributeRef {
    /// Returns the reserved attribute of this name.
    pub(crate) fn reserved(name: &str) -> Option<Self> {
        Some(match name {
            "tenant" => Self::Tenant,
            "tier" => Self::Tier,
            "channel" => Self::Channel,
            "internal" => Self::Internal,
            "user" => Self::User,
            "groups" => Self::Groups,
            _ => return None,
        })
    }
}

impl<'a> Subject<'a> {
    /// Returns the release channel: that of the record, or stable.
    pub(crate) fn channel(&self) -> Channel {
        self.record.map_or(Channel::Stable, Tenant::channel)
    }

    /// Returns true if the circuit breaker of `flag` is open for the subject.
    pub(crate) fn has_open_breaker(&self, flag: FlagId) -> bool {
        self.open_breakers.contains(&flag)
    }

    /// Returns true if the tenant is internal.
    pub(crate) fn is_internal(&self) -> bool {
        self.record.is_some_and(Tenant::is_internal)
    }
}
