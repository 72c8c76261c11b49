//! A route's conditions on a request, and the view of a request that they are compared with.

use crate::{HeaderMatch, HostPattern, Methods, PathPattern, TrailingSlash};

/// The position of a route in the document, from 0. It is valid for one table only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub(super) u32);

/// The conditions of a route on a request.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteMatch {
    /// The host.
    pub host: HostPattern,
    /// The path.
    pub path: PathPattern,
    /// The treatment of a trailing slash by exact paths.
    pub trailing_slash: TrailingSlash,
    /// The method.
    pub methods: Methods,
    /// The headers: all of these. At most [`crate::MAX_HEADER_MATCHES`].
    pub headers: Box<[HeaderMatch]>,
}

/// The first condition besides host and path that a request does not meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UnmetCondition<'t> {
    /// One of these methods.
    Method(&'t Methods),
    /// A header such as this.
    Header(&'t HeaderMatch),
}

/// The view of a request that the table reads.
pub trait RequestHead {
    /// Returns the [`crate::Host::name`] of the request; empty without a host.
    fn host(&self) -> &str;
    /// Returns the normalised [`crate::Target::path`].
    fn path(&self) -> &str;
    /// Returns the method as sent.
    fn method(&self) -> &str;
    /// Returns the values of the header with this lower-case name, one for each line.
    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]>;
}

impl RouteId {
    /// Returns the index in the document and in [`RouteTable::routes`](crate::RouteTable::routes).
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the id of the `index`th route; `None` if no table can be that long.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }
}

impl RouteMatch {
    /// Returns true if method and headers match. The index has compared host and path.
    pub(super) fn is_match(&self, head: &impl RequestHead) -> bool {
        self.unmet_condition(head).is_none()
    }

    /// Returns the first condition on method and headers that the request does not meet.
    pub(super) fn unmet_condition(&self, head: &impl RequestHead) -> Option<UnmetCondition<'_>> {
        if !self.methods.is_match(head.method()) {
            return Some(UnmetCondition::Method(&self.methods));
        }
        let is_lacking = |header: &&HeaderMatch| !header.is_match(head.header_values(header.name()));
        self.headers.iter().find(is_lacking).map(UnmetCondition::Header)
    }
}
