//! The headers that report decisions to upstreams and clients, and their names.

use crate::FlagId;
use crate::header_name::{begins_alike, is_header_alias};

/// The default maximum size of the flags header's value, in bytes.
pub const DEFAULT_FLAGS_BUDGET: usize = 4 * 1024;

/// The headers set on requests to upstreams. Names are lower-case and valid HTTP tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderPlan {
    /// The tenant's id.
    pub tenant: Option<Box<str>>,
    /// The user's id.
    pub user: Option<Box<str>>,
    /// The flags that are on, as an RFC 9651 list of tokens.
    pub flags: Option<FlagsHeader>,
    /// One header for each of these flags, with the served variant.
    pub per_flag: Box<[(FlagId, Box<str>)]>,
    /// The snapshot's revision.
    pub revision: Option<Box<str>>,
    /// The request's id.
    pub request_id: Option<Box<str>>,
    /// The signature over all of these.
    pub signature: Option<Box<str>>,
    /// True if the flags that are on are members of `baggage` as well.
    pub baggage: bool,
    /// The response header that lists the flags that are on for clients.
    pub response: Option<Box<str>>,
    /// The prefix under which all per-flag headers are reserved, set or not.
    pub reserved_prefix: Option<Box<str>>,
    /// Further names that are removed from every request.
    pub removed: Box<[Box<str>]>,
    /// The headers with flags of an anonymous request. None: decided where `auth` is optional and where the request
    /// has the id of a visitor, otherwise omitted.
    pub anonymous: Option<AnonymousFlags>,
}

/// The headers with flags of a request without a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnonymousFlags {
    /// The flags are decided for an anonymous subject.
    Decide,
    /// The headers are absent.
    Omit,
}

/// The header that lists the flags that are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsHeader {
    /// Its name.
    pub name: Box<str>,
    /// The flags that it may list.
    pub include: Include,
    /// The maximum size of its value, in bytes.
    pub budget: usize,
}

/// The flags that the flags header may list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Include {
    /// All flags.
    All,
    /// The flags of the route's gate.
    Route,
    /// These, in key order.
    List(Box<[FlagId]>),
}

impl HeaderPlan {
    /// Returns the names of the headers set for an upstream, without the signature's.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let flags = self.flags.as_ref().map(|flags| &flags.name);
        let per_flag = self.per_flag.iter().map(|(_, name)| name);
        let single = [self.tenant.as_ref(), self.user.as_ref(), flags];
        let last = [self.revision.as_ref(), self.request_id.as_ref()];
        let single = single.into_iter().flatten();
        single
            .chain(per_flag)
            .chain(last.into_iter().flatten())
            .map(|name| &**name)
    }

    /// Returns true if a header of this name is removed from requests of clients, because only Sluice may set
    /// it.
    #[must_use]
    pub fn reserves(&self, name: &str) -> bool {
        let mut names = self.names().chain(self.signature.as_deref());
        let prefix = self.reserved_prefix.as_deref();
        names.any(|reserved| is_header_alias(name, reserved))
            || prefix.is_some_and(|prefix| begins_alike(name, prefix))
    }

    /// Returns true if a header of this name is removed from requests because the operator lists it.
    #[must_use]
    pub fn removes(&self, name: &str) -> bool {
        self.removed.iter().any(|removed| is_header_alias(name, removed))
    }

    /// Returns true if the flags header lists every flag that is on.
    #[must_use]
    pub fn lists_all_flags(&self) -> bool {
        self.flags
            .as_ref()
            .is_some_and(|flags| flags.include == Include::All)
    }

    /// Returns every flag that a header names. `all` and `route` name none.
    pub fn named_flags(&self) -> impl Iterator<Item = FlagId> + '_ {
        let listed: &[FlagId] = match &self.flags {
            Some(FlagsHeader {
                include: Include::List(flags),
                ..
            }) => flags,
            _ => &[],
        };
        self.per_flag
            .iter()
            .map(|(flag, _)| *flag)
            .chain(listed.iter().copied())
    }
}
