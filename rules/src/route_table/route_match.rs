//! A route's conditions on a request, and the view of a request that they are compared with.

use crate::{HeaderMatch, HostPattern, Methods, PathPattern, TrailingSlash};

/// A route's place in the document, from 0. It means nothing in another table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub(super) u32);

/// What a route asks of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteMatch {
    /// The host.
    pub host: HostPattern,
    /// The path.
    pub path: PathPattern,
    /// Whether an exact path minds a trailing slash.
    pub trailing_slash: TrailingSlash,
    /// The method.
    pub methods: Methods,
    /// The headers: all of these. At most [`crate::MAX_HEADER_MATCHES`].
    pub headers: Box<[HeaderMatch]>,
}

/// What a request lacks that a route asks for beside host and path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UnmetCondition<'t> {
    /// One of these methods.
    Method(&'t Methods),
    /// A header such as this.
    Header(&'t HeaderMatch),
}

/// What the table reads of a request.
pub trait RequestHead {
    /// [`crate::Host::name`] of the request; empty where it names no host.
    fn host(&self) -> &str;
    /// [`crate::Target::path`]: normalised.
    fn path(&self) -> &str;
    /// The method as sent.
    fn method(&self) -> &str;
    /// The values of the header with this name (which is in lower case), line by line.
    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]>;
}

impl RouteId {
    /// The route's index in the document and in [`RouteTable::routes`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The id of the `index`th route, or none where no table could be that long.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }
}

impl RouteMatch {
    /// Whether method and headers are what is asked. Host and path are the index's part.
    pub(super) fn takes(&self, head: &impl RequestHead) -> bool {
        self.unmet_condition(head).is_none()
    }

    /// What of method and headers is not as asked.
    pub(super) fn unmet_condition(&self, head: &impl RequestHead) -> Option<UnmetCondition<'_>> {
        if !self.methods.is_match(head.method()) {
            return Some(UnmetCondition::Method(&self.methods));
        }
        let is_lacking = |header: &&HeaderMatch| !header.is_match(head.header_values(header.name()));
        self.headers.iter().find(is_lacking).map(UnmetCondition::Header)
    }
}
