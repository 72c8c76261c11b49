//! The routes that may decide a request: the route that its path matches, and the routes that other readings
//! of the path match. They are found before the caller is known, because they determine whether a token is
//! required.

use crate::{Auth, Gate, GateMode, Preflight, Reads, RequestHead, Route, RouteId, Routes, TooManyReadings};

/// The routes that may decide one request.
#[derive(Debug)]
pub struct Candidates {
    /// The route that matches when the path is read by RFC 3986.
    route: Option<RouteId>,
    is_preflight: bool,
    /// True if the path has too many readings: then `others` is empty, and the request is not forwarded.
    has_too_many: bool,
    /// The routes that are reached by other readings, each once.
    others: Vec<RouteId>,
    /// The routes found for the first set of readings. Most requests need no other, and no list then.
    first: Option<FoundRoutes>,
    /// Those of further sets.
    further: Vec<FoundRoutes>,
}

/// The routes found for a set of readings: looked up once, however many routes and upstreams have it.
type FoundRoutes = (Reads, Vec<RouteId>);

impl Candidates {
    /// Finds the route that a request matches. `is_preflight` is true for a CORS preflight, which may skip
    /// the token and the gate of a route.
    #[must_use]
    pub fn find(routes: &Routes, head: &impl RequestHead, is_preflight: bool) -> Self {
        Self {
            route: routes.table().find(head),
            is_preflight,
            has_too_many: false,
            others: Vec::new(),
            first: None,
            further: Vec::new(),
        }
    }

    /// Finds the routes of the other readings. A path that has too many of them is only refused where it would be
    /// forwarded: an answer before the gate of its route would tell a hidden route from an unknown path.
    pub fn find_others(&mut self, routes: &Routes, head: &impl RequestHead) {
        self.has_too_many = self.try_find_others(routes, head).is_err();
    }

    fn try_find_others(&mut self, routes: &Routes, head: &impl RequestHead) -> Result<(), TooManyReadings> {
        // The upstream is not known before a gate is decided, so every upstream counts that the route may lead to; and
        // every one that the other routes may lead to, because their gates decide instead where they are stricter.
        self.routes_read_as(routes, head, routes.may_read(self.route))?;
        for other in self.other_routes() {
            self.routes_read_as(routes, head, routes.may_read(Some(other)))?;
        }
        self.others = self.other_routes();
        Ok(())
    }

    /// Returns the route that matches when the path is read by RFC 3986.
    #[must_use]
    pub fn route(&self) -> Option<RouteId> {
        self.route
    }

    /// Returns true if the request is a CORS preflight.
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.is_preflight
    }

    /// Returns every route that may decide the request, each once, the matching one first.
    pub fn ids(&self) -> impl Iterator<Item = RouteId> {
        self.route.into_iter().chain(self.others.iter().copied())
    }

    /// Returns the routes that an upstream with these readings may serve a request as, each once, beginning with
    /// `decided`, the route that decided it. The limits of all of them apply to a request that is forwarded. Routes
    /// that only another upstream would reach are left out, because their gates were not decided.
    pub fn served(&self, decided: Option<RouteId>, reads: Reads) -> impl Iterator<Item = RouteId> + Clone {
        let found = self.found().find(|(known, _)| *known == reads);
        let found = found.map_or(&[][..], |(_, routes)| routes);
        let others = found.iter().copied().filter(move |id| Some(*id) != decided);
        decided.into_iter().chain(others)
    }

    /// Returns the strictest `auth` of these routes. Another spelling of a path can therefore not avoid a
    /// required token.
    #[must_use]
    pub fn auth(&self, routes: &Routes) -> Auth {
        let asked = self.deciding().map(|id| routes.auth(id, self.is_preflight));
        asked.max().unwrap_or(Auth::None)
    }

    /// Returns true if each route that can refuse a request for its token is in shadow mode. Then no request is
    /// refused for its token.
    #[must_use]
    pub fn only_observe(&self, routes: &Routes) -> bool {
        let observes = |route: &Route| route.mode == GateMode::Shadow && route.gate.is_some();
        self.deciding().all(|id| {
            let route = id.and_then(|id| routes.route(id));
            !routes.auth(id, self.is_preflight).can_refuse() || route.is_some_and(observes)
        })
    }

    /// Returns every route that may decide the request; `None` for the action of unmatched requests.
    fn deciding(&self) -> impl Iterator<Item = Option<RouteId>> {
        let others = self.others.iter().copied().map(Some);
        [self.route].into_iter().chain(others)
    }

    /// Returns the routes that the request matches when its path is read in these ways, including the plain
    /// reading.
    pub(crate) fn routes_read_as(
        &mut self,
        routes: &Routes,
        head: &impl RequestHead,
        reads: Reads,
    ) -> Result<&[RouteId], TooManyReadings> {
        if self.has_too_many {
            return Err(TooManyReadings);
        }
        if self.found().all(|(known, _)| *known != reads) {
            let found = (reads, routes.table().readings(head, reads)?);
            match &self.first {
                None => self.first = Some(found),
                Some(_) => self.further.push(found),
            }
        }
        let found = self.found().find(|(known, _)| *known == reads);
        Ok(found.map_or(&[], |(_, routes)| routes))
    }

    fn found(&self) -> impl Iterator<Item = &FoundRoutes> {
        self.first.iter().chain(&self.further)
    }

    /// Returns every route found so far except that of the plain reading, each once.
    fn other_routes(&self) -> Vec<RouteId> {
        let found = self.found().flat_map(|(_, routes)| routes).copied();
        let mut others: Vec<RouteId> = found.filter(|id| Some(*id) != self.route).collect();
        others.sort_unstable();
        others.dedup();
        others
    }
}

impl Route {
    /// Returns the `auth` of the route; `None` for a preflight that skips it.
    #[must_use]
    pub fn auth_for(&self, is_preflight: bool) -> Auth {
        match self.is_skipped_by(is_preflight) {
            true => Auth::None,
            false => self.auth,
        }
    }

    /// Returns the gate that the request meets; none for a preflight that passes it.
    #[must_use]
    pub fn gate_for(&self, is_preflight: bool) -> Option<&Gate> {
        self.gate.as_ref().filter(|_| !self.is_skipped_by(is_preflight))
    }

    fn is_skipped_by(&self, is_preflight: bool) -> bool {
        is_preflight && self.preflight == Preflight::Open
    }
}
