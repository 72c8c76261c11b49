//! Unreachable routes: another route matches all of their requests first.

use super::route_match::{RouteId, RouteMatch};

/// A route that no request can reach. Both are indices into the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteConflict {
    /// The route that matches the requests. It is the first of the two in the document, unless it comes first
    /// only because it names the same header twice.
    pub first: usize,
    /// The route that gets no request.
    pub second: usize,
    /// Their relation.
    pub kind: ConflictKind,
}

/// The relation of two routes of the same host and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Both match the same requests.
    Same,
    /// The first matches every request of the second, and more.
    Shadowed,
}

/// Returns one conflict for each unreachable route, in the order of the document. `rivals` are groups of
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

/// Returns true if `first` matches every request that `second` matches, of those that reach both.
fn covers(first: &RouteMatch, second: &RouteMatch) -> bool {
    let slash = |route: &RouteMatch| route.path.slash(route.trailing_slash);
    slash(first).covers(slash(second))
        && first.methods.covers(&second.methods)
        && first
            .headers
            .iter()
            .all(|asked| second.headers.iter().any(|given| asked.is_implied_by(given)))
}
