//! Routes that no request can reach, because another takes all of its requests first.

use super::route_match::{RouteId, RouteMatch};

/// A route that no request can reach. Both are indices into the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteConflict {
    /// The route that takes the requests. It is the first of the two in the document, unless it merely asks
    /// for the same header twice and so comes before the other.
    pub first: usize,
    /// The route that takes none.
    pub second: usize,
    /// How they relate.
    pub kind: ConflictKind,
}

/// How two routes of the same host and path relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// They take the same requests: nothing tells them apart.
    Same,
    /// The first takes every request of the second, and more.
    Shadowed,
}

/// One conflict for every route that can't be reached, in the order of the document. `rivals` are groups of
/// routes of the same host and path shape, each in the order of precedence.
pub(super) fn find<'i>(
    routes: &[RouteMatch],
    rivals: impl Iterator<Item = &'i [RouteId]>,
) -> Vec<RouteConflict> {
    let mut conflicts = Vec::new();
    for group in rivals {
        for (place, &second) in group.iter().enumerate() {
            let before = group.iter().take(place);
            conflicts.extend(before.filter_map(|&first| between(routes, first, second)).next());
        }
    }
    conflicts.sort_unstable_by_key(|conflict| conflict.second);
    conflicts
}

fn between(routes: &[RouteMatch], first: RouteId, second: RouteId) -> Option<RouteConflict> {
    let (first, second) = (first.index(), second.index());
    let (winner, loser) = (routes.get(first)?, routes.get(second)?);
    let kind = match (covers(winner, loser), covers(loser, winner)) {
        (true, true) => ConflictKind::Same,
        (true, false) => ConflictKind::Shadowed,
        (false, _) => return None,
    };
    Some(RouteConflict { first, second, kind })
}

/// Whether every request that `second` takes, of those that lead to both, `first` takes too.
fn covers(first: &RouteMatch, second: &RouteMatch) -> bool {
    let slash = |route: &RouteMatch| route.path.slash(route.trailing_slash);
    slash(first).covers(slash(second))
        && first.methods.covers(&second.methods)
        && first
            .headers
            .iter()
            .all(|asked| second.headers.iter().any(|given| asked.is_implied_by(given)))
}
