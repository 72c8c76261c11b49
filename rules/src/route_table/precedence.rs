//! The precedence of matching routes, as an `Ord`.

use std::cmp::Reverse;

use super::route_match::{RouteId, RouteMatch};
use crate::{HostPattern, Specificity};

/// The precedence of a route; routes that come first are less.
///
/// The order is by host (exact, then wildcards by length of suffix, then any), and by path ([`Specificity`]).
/// Then it is by methods (named before any), number of headers (more first), and position in the document.
/// This is the order of Gateway API, which has no parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    host: HostRank,
    path: Specificity,
    methods: MethodsRank,
    headers: Reverse<usize>,
    id: RouteId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Exact,
    /// The suffix's length: suffixes that match one host and have the same length are equal.
    Wildcard(Reverse<usize>),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MethodsRank {
    Named,
    Any,
}

impl RouteMatch {
    /// Returns the precedence of the route, if it has this id.
    #[must_use]
    pub fn precedence(&self, id: RouteId) -> Precedence {
        Precedence::of(self, id)
    }
}

impl Precedence {
    fn of(route: &RouteMatch, id: RouteId) -> Self {
        Self {
            host: match &route.host {
                HostPattern::Exact(_) => HostRank::Exact,
                HostPattern::Wildcard(suffix) => HostRank::Wildcard(Reverse(suffix.len())),
                HostPattern::Any => HostRank::Any,
            },
            path: route.path.specificity(route.trailing_slash),
            methods: if route.methods.is_any() {
                MethodsRank::Any
            } else {
                MethodsRank::Named
            },
            headers: Reverse(route.headers.len()),
            id,
        }
    }
}
