//! The routes that match the host and path of a request but do not decide it, with the reason.

use control::RejectedCandidate;
use proxy::{Decider, RequestDryRun};
use rules::{RouteId, UnmetCondition};

/// Largest number of routes in an explanation.
const MAX_NAMED: usize = 20;

/// Returns the routes that match host and path but do not decide, in the order of precedence, and the number of routes
/// that do not match.
pub(super) fn find(decider: &Decider, run: &RequestDryRun) -> (Vec<RejectedCandidate>, usize) {
    let routes = &decider.snapshot().routes;
    if run.path.is_none() {
        return (Vec::new(), 0);
    }
    let fitting = run.fitting(decider);
    let other_routes = routes.all().len().saturating_sub(fitting.len());
    let name = |id: RouteId| routes.route(id).map_or("", |route| &*route.name);
    let others = fitting.into_iter().filter(|(id, _)| Some(*id) != run.route);
    let named = others.take(MAX_NAMED).map(|(id, lack)| RejectedCandidate {
        route: name(id).to_owned(),
        reason: match lack {
            Some(UnmetCondition::Method(methods)) => format!("accepts only {methods}"),
            // The expected value may be a secret, so it is not shown.
            Some(UnmetCondition::Header(header)) => format!("its header `{}` does not match", header.name()),
            None => run
                .route
                .map_or_else(String::new, |id| format!("`{}` has precedence", name(id))),
        },
    });
    (named.collect(), other_routes)
}
