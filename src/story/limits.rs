//! The limits that a request is counted on, in words. What was used of them is the proxy's to know.

use control::LimitStory;
use rules::{Limit, LimitBy, Route, RouteId, Routes};

use super::head::Head;

/// The limits of the route that the request falls on, and of those that its path can be read to fall on: whichever
/// the upstream takes it for, it was asked once more.
pub(super) fn of(routes: &Routes, head: &Head<'_>) -> Vec<LimitStory> {
    let counted = counted(routes, head);
    let routes = counted.into_iter().filter_map(|id| routes.route(id));
    routes.filter_map(of_route).collect()
}

/// The routes that the request is counted on, each once.
fn counted(routes: &Routes, head: &Head<'_>) -> Vec<RouteId> {
    let primary = routes.table().find(head);
    let read_as = |id| {
        let readings = routes.table().readings(head, routes.may_read(id));
        readings.unwrap_or_default()
    };
    let mut counted: Vec<RouteId> = primary.into_iter().collect();
    for first in read_as(primary) {
        for id in [first].into_iter().chain(read_as(Some(first))) {
            if !counted.contains(&id) {
                counted.push(id);
            }
        }
    }
    counted
}

fn of_route(route: &Route) -> Option<LimitStory> {
    let limit = route.limit?;
    let by = match limit.by {
        LimitBy::Tenant => "tenant",
        LimitBy::Client => "client",
    };
    Some(LimitStory {
        route: route.name.to_string(),
        limit: words(&limit),
        by: by.to_owned(),
    })
}

/// `100 in 1 s, 200 at once`.
fn words(limit: &Limit) -> String {
    let per = match limit.per_ms {
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    };
    format!("{} in {per}, {} at once", limit.count, limit.burst)
}
