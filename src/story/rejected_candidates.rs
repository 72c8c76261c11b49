//! The routes that host and path fit as well, and why they don't decide about a request.

use control::PassedOver;
use proxy::{Decider, DryRun};
use rules::{RouteId, UnmetCondition};

/// The most that are named.
const MAX_NAMED: usize = 20;

/// Returns the routes that don't decide though host and path fit, in the order of precedence, and how many don't fit.
pub(super) fn find(decider: &Decider, run: &DryRun) -> (Vec<PassedOver>, usize) {
    let routes = &decider.snapshot().routes;
    if run.path.is_none() {
        return (Vec::new(), 0);
    }
    let fitting = run.fitting(decider);
    let elsewhere = routes.all().len().saturating_sub(fitting.len());
    let name = |id: RouteId| routes.route(id).map_or("", |route| &*route.name);
    let others = fitting.into_iter().filter(|(id, _)| Some(*id) != run.route);
    let named = others.take(MAX_NAMED).map(|(id, lack)| PassedOver {
        route: name(id).to_owned(),
        why: match lack {
            Some(UnmetCondition::Method(methods)) => format!("takes only {methods}"),
            // Its value may be known to few.
            Some(UnmetCondition::Header(header)) => format!("its header `{}` is not as asked", header.name()),
            None => run
                .route
                .map_or_else(String::new, |id| format!("`{}` goes before it", name(id))),
        },
    });
    (named.collect(), elsewhere)
}
