//! The limits that a request counts against, in words. How much of them is used is only known to the proxy.

use control::LimitStory;
use rules::{LimitBy, RateLimit, Route, RouteId, Routes};

/// Returns the limits of these routes: of the one that the request falls on, and of those of other readings, because any
/// may be the one that the upstream serves.
pub(super) fn describe(routes: &Routes, counted: &[RouteId]) -> Vec<LimitStory> {
    let counted = counted.iter().filter_map(|id| routes.route(*id));
    counted.filter_map(of_route).collect()
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
fn words(limit: &RateLimit) -> String {
    let per = match limit.per_ms {
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    };
    format!("{} in {per}, {} at once", limit.count, limit.burst)
}
