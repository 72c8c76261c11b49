//! Which of several matching routes comes first, as an `Ord`.

use std::cmp::Reverse;

use super::route_match::{RouteId, RouteMatch};
use crate::{HostPattern, Specificity};

/// Where a route stands among others; what comes first is less.
///
/// The host: exact, then the wildcard with the longest suffix, then any. Then the path ([`Specificity`]). Then
/// methods: named before any. Then headers: more of them first, whatever they ask. Then the order of the
/// document. So Gateway API orders its routes, but that parameters are not known there.
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
    /// The suffix's length: two that take the same host have the same suffix if they have the same length.
    Wildcard(Reverse<usize>),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MethodsRank {
    Named,
    Any,
}

impl RouteMatch {
    /// Where the route stands among the others, if it is the one with this id.
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
