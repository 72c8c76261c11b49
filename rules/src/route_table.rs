//! Which route a request falls on: an index by host, then by path segment, over what the routes ask for.
//! What a route then does is `route`'s. Finding one allocates nothing and looks only at routes whose host and
//! path fit.

mod conflict;
mod host_index;
mod path_index;
mod precedence;
mod reading_index;
mod route_match;

use std::ops::ControlFlow;

pub use conflict::{ConflictKind, RouteConflict};
pub use precedence::Precedence;
pub use route_match::{RequestHead, RouteId, RouteMatch, UnmetCondition};

use self::{host_index::HostIndex, path_index::PathIndex, reading_index::ReadingIndex};
use crate::request_target::suffix;
use crate::{Read, Reads, TooManyReadings};

/// Most routes of one table. Whoever reads a document refuses more.
pub const MAX_ROUTES: usize = 10_000;

/// Every route's [`RouteMatch`], indexed.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Box<[RouteMatch]>,
    hosts: HostIndex<RouteId>,
    /// By the sets of readings that upstreams have.
    readings: Vec<ReadingIndex>,
}

impl RouteTable {
    /// Indexes `routes`, given in the order of the document.
    ///
    /// # Errors
    /// Every route that no request can reach, because another takes all of its requests first.
    pub fn build(routes: Vec<RouteMatch>) -> Result<Self, Vec<RouteConflict>> {
        let mut table = Self {
            routes: routes.into(),
            ..Self::default()
        };
        for (id, route) in Self::in_order(&table.routes) {
            let steps = route.path.segments().iter().map(Into::into);
            let paths = table.hosts.paths_of(&route.host);
            paths.insert(steps, route.path.is_below(), id);
        }
        let rivals = table.hosts.all().flat_map(PathIndex::rivals);
        let conflicts = conflict::find(&table.routes, rivals);
        if conflicts.is_empty() {
            Ok(table)
        } else {
            Err(conflicts)
        }
    }

    /// Every route, in the order of precedence.
    fn in_order(routes: &[RouteMatch]) -> Vec<(RouteId, &RouteMatch)> {
        let mut order: Vec<(Precedence, RouteId, &RouteMatch)> = (0..)
            .map(RouteId)
            .zip(routes)
            .map(|(id, route)| (route.precedence(id), id, route))
            .collect();
        order.sort_unstable_by(|(left, ..), (right, ..)| left.cmp(right));
        order.into_iter().map(|(_, id, route)| (id, route)).collect()
    }

    /// Indexes the routes by how upstreams read paths, so that [`RouteTable::readings`] can be asked of these.
    pub fn read_as(&mut self, sets: impl IntoIterator<Item = Reads>) {
        for reads in sets {
            if self.readings.iter().all(|index| index.reads != reads) {
                let order = Self::in_order(&self.routes).into_iter();
                self.readings.push(ReadingIndex::build(reads, order));
            }
        }
    }

    /// Every route that the request falls on when its path is read in one or several of these ways: method and
    /// headers as they are, the first by precedence for each reading, and with it those that the reading makes
    /// the same as the first. A path without another reading costs one scan of its bytes. Where the request falls on
    /// a route whose literal path equals its own, the format suffix is not cut.
    ///
    /// # Errors
    /// The path has too many readings, or [`RouteTable::read_as`] was never given `reads`.
    pub fn readings(&self, head: &impl RequestHead, reads: Reads) -> Result<Vec<RouteId>, TooManyReadings> {
        let index = self.readings.iter().find(|index| index.reads == reads);
        let index = index.ok_or(TooManyReadings)?;
        index.find(&self.routes, head, self.applying(head, reads))
    }

    /// Returns those of `reads` that apply to the request. Its format suffix is not cut where it falls on a route whose
    /// literal path is that of the request: `/app.js` with a route of its own is another resource than `/app`. The
    /// paths have to be equal: a route for `/app.js` that takes `/app.js/` as well does not name that. A route of that
    /// path whose methods or headers do not fit does not count.
    fn applying(&self, head: &impl RequestHead, reads: Reads) -> Reads {
        let has_suffix = reads.contains(Read::Suffix) && suffix::is_in(head.path());
        let own = || self.routes.get(self.find(head)?.index());
        if has_suffix && own().is_some_and(|route| route.path.is_exactly(head.path())) {
            reads.without(Read::Suffix)
        } else {
            reads
        }
    }

    /// What the routes ask for, in the order of the document.
    #[must_use]
    pub fn routes(&self) -> &[RouteMatch] {
        &self.routes
    }

    /// Returns whether a request has to name a host: some route asks for one, so what a request without a host is
    /// forwarded as decides which routes it falls on. Otherwise every host falls on the same routes.
    #[must_use]
    pub fn needs_host(&self) -> bool {
        !self.hosts.is_any()
    }

    /// The route that takes the request: the first by [`Precedence`] of all that match.
    #[must_use]
    pub fn find(&self, head: &impl RequestHead) -> Option<RouteId> {
        let mut first = |id, route: &RouteMatch| match route.takes(head) {
            true => ControlFlow::Break(id),
            false => ControlFlow::Continue(()),
        };
        self.walk(head, &mut first).break_value()
    }

    /// Every route that matches, in the order of precedence: the one that takes the request, then those that
    /// would if it were not there. For explaining; it allocates.
    #[must_use]
    pub fn candidates(&self, head: &impl RequestHead) -> Vec<RouteId> {
        let fitting = self.fitting(head).into_iter();
        let matching = fitting.filter(|(_, lack)| lack.is_none());
        matching.map(|(id, _)| id).collect()
    }

    /// Every route that host and path fit, in the order of precedence, and what the request lacks for it. For
    /// explaining; it allocates.
    #[must_use]
    pub fn fitting(&self, head: &impl RequestHead) -> Vec<(RouteId, Option<UnmetCondition<'_>>)> {
        let mut fitting = Vec::new();
        let _ = self.walk(head, &mut |id, route| {
            fitting.push((id, route.unmet_condition(head)));
            ControlFlow::Continue(())
        });
        fitting
    }

    /// Shows `visitor` every route that host and path fit, in the order of precedence, until it breaks.
    fn walk<'t>(
        &'t self,
        head: &impl RequestHead,
        visitor: &mut impl FnMut(RouteId, &'t RouteMatch) -> ControlFlow<RouteId>,
    ) -> ControlFlow<RouteId> {
        self.hosts
            .walk(head.host(), &mut |paths| self.walk_paths(paths, head, visitor))
    }

    fn walk_paths<'t>(
        &'t self,
        index: &PathIndex<RouteId>,
        head: &impl RequestHead,
        visitor: &mut impl FnMut(RouteId, &'t RouteMatch) -> ControlFlow<RouteId>,
    ) -> ControlFlow<RouteId> {
        index.walk(head.path(), &mut |ids, slash| {
            for &id in ids {
                if let Some(route) = self.routes.get(id.index())
                    && route.path.slash(route.trailing_slash).covers(slash)
                {
                    visitor(id, route)?;
                }
            }
            ControlFlow::Continue(())
        })
    }
}

#[cfg(test)]
mod tests;
