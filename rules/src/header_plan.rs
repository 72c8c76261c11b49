//! Which headers tell an upstream what was decided, and under which names.

use crate::FlagId;
use crate::header_name::{begins_alike, is_header_alias};

/// The most bytes that the flags header may take unless an operator says otherwise.
pub const DEFAULT_FLAGS_BUDGET: usize = 4 * 1024;

/// The headers that are set on the way to an upstream. Names are lower-case and valid HTTP tokens.
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
    /// Whether the flags that are on are members of `baggage` too.
    pub baggage: bool,
    /// The header that tells clients which flags are on, in responses.
    pub response: Option<Box<str>>,
    /// The prefix under which per-flag headers are reserved, whether a flag has one or not.
    pub reserved_prefix: Option<Box<str>>,
}

/// The header that lists the flags that are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsHeader {
    /// Its name.
    pub name: Box<str>,
    /// Which flags it may list.
    pub include: Include,
    /// The most bytes its value may take.
    pub budget: usize,
}

/// Which flags the flags header may list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Include {
    /// Every flag.
    All,
    /// The flags of the route's gate.
    Route,
    /// These, in key order.
    List(Box<[FlagId]>),
}

impl HeaderPlan {
    /// The names of the headers that are set for an upstream, but for the signature's.
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

    /// Whether a header of this name is removed from what clients send, as only we may say it.
    #[must_use]
    pub fn reserves(&self, name: &str) -> bool {
        let mut names = self.names().chain(self.signature.as_deref());
        let prefix = self.reserved_prefix.as_deref();
        names.any(|reserved| is_header_alias(name, reserved))
            || prefix.is_some_and(|prefix| begins_alike(name, prefix))
    }

    /// Every flag that a header names; `all` and `route` name none.
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
