//! The limits that a request counts against, as text. Only the proxy knows how much of a limit is used.

use control::ExplainedLimit;
use rules::{LimitBy, RateLimit, Route, RouteId, Routes};

/// Returns the limits of these routes: of the matched route, and of the routes of other readings, because the upstream
/// may serve any of them.
pub(super) fn describe(routes: &Routes, counted: &[RouteId]) -> Vec<ExplainedLimit> {
    let counted = counted.iter().filter_map(|id| routes.route(*id));
    counted.filter_map(of_route).collect()
}

fn of_route(route: &Route) -> Option<ExplainedLimit> {
    let limit = route.limit?;
    let by = match limit.by {
        LimitBy::Tenant => "tenant",
        LimitBy::Client => "client",
    };
    Some(ExplainedLimit {
        route: route.name.to_string(),
        limit: words(&limit),
        by: by.to_owned(),
    })
}

/// Formats a limit: `100 in 1 s, 200 at once`.
fn words(limit: &RateLimit) -> String {
    let per = match limit.per_ms {
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    };
    format!("{} in {per}, {} at once", limit.count, limit.burst)
}
