//! The route table: finds the route of a request by host, then by path segment, in an index over the
//! conditions of all routes. Finding one allocates nothing, and compares only routes whose host and path
//! match.

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

/// The most routes of one table. Readers of documents refuse more.
pub const MAX_ROUTES: usize = 10_000;

/// The [`RouteMatch`] of every route, indexed.
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
    /// Every unreachable route: another one matches all of its requests first.
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

    /// Returns every route, in the order of precedence.
    fn in_order(routes: &[RouteMatch]) -> Vec<(RouteId, &RouteMatch)> {
        let mut order: Vec<(Precedence, RouteId, &RouteMatch)> = (0..)
            .map(RouteId)
            .zip(routes)
            .map(|(id, route)| (route.precedence(id), id, route))
            .collect();
        order.sort_unstable_by(|(left, ..), (right, ..)| left.cmp(right));
        order.into_iter().map(|(_, id, route)| (id, route)).collect()
    }

    /// Adds an index for each of these sets of readings, as needed by [`RouteTable::readings`].
    pub fn add_reading_indexes(&mut self, sets: impl IntoIterator<Item = Reads>) {
        for reads in sets {
            if self.readings.iter().all(|index| index.reads != reads) {
                let order = Self::in_order(&self.routes).into_iter();
                self.readings.push(ReadingIndex::build(reads, order));
            }
        }
    }

    /// Returns the routes that match the request when its path is read in one or several of these ways. For
    /// each reading these are the first by precedence, and those that the reading makes equal to it. Methods
    /// and headers are compared as sent. If a route's literal path equals the path of the request, the format
    /// suffix is not cut. A path with no other reading costs one scan of its bytes.
    ///
    /// # Errors
    /// The path has too many readings, or `reads` was not passed to [`RouteTable::add_reading_indexes`].
    pub fn readings(&self, head: &impl RequestHead, reads: Reads) -> Result<Vec<RouteId>, TooManyReadings> {
        let index = self.readings.iter().find(|index| index.reads == reads);
        let index = index.ok_or(TooManyReadings)?;
        index.find(&self.routes, head, self.applying(head, reads))
    }

    /// Returns those of `reads` that apply to the request. The format suffix is not cut if the request
    /// matches a route with the same literal path: `/app.js` with a route is another resource than `/app`.
    /// The paths must be equal; a route for `/app.js` that also matches `/app.js/` is not enough. Routes
    /// whose methods or headers do not match are ignored.
    fn applying(&self, head: &impl RequestHead, reads: Reads) -> Reads {
        let has_suffix = reads.contains(Read::Suffix) && suffix::is_in(head.path());
        let matching = || self.routes.get(self.find(head)?.index());
        if has_suffix && matching().is_some_and(|route| route.path.is_exactly(head.path())) {
            reads.without(Read::Suffix)
        } else {
            reads
        }
    }

    /// Returns the conditions of the routes, in the order of the document.
    #[must_use]
    pub fn routes(&self) -> &[RouteMatch] {
        &self.routes
    }

    /// Returns true if a request must name a host, because some route depends on it. Otherwise all hosts
    /// match alike.
    #[must_use]
    pub fn needs_host(&self) -> bool {
        !self.hosts.is_any()
    }

    /// Returns the first route by [`Precedence`] that matches the request.
    #[must_use]
    pub fn find(&self, head: &impl RequestHead) -> Option<RouteId> {
        let mut first = |id, route: &RouteMatch| match route.is_match(head) {
            true => ControlFlow::Break(id),
            false => ControlFlow::Continue(()),
        };
        self.walk(head, &mut first).break_value()
    }

    /// Returns every route that matches, in the order of precedence: the matching one, then those that would
    /// match without it. For explanations; allocates.
    #[must_use]
    pub fn candidates(&self, head: &impl RequestHead) -> Vec<RouteId> {
        let fitting = self.fitting(head).into_iter();
        let matching = fitting.filter(|(_, lack)| lack.is_none());
        matching.map(|(id, _)| id).collect()
    }

    /// Returns every route whose host and path match, in the order of precedence, with its unmet condition.
    /// For explanations; allocates.
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
