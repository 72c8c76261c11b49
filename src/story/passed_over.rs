//! The routes that host and path fit as well, and why they don't decide about a request.

use control::PassedOver;
use rules::{Lack, RouteId, Routes};

use super::head::Head;

/// The most that are named.
const MAX_NAMED: usize = 20;

/// The routes that don't decide though host and path fit, in the order of precedence, and how many don't fit.
pub(super) fn of(routes: &Routes, head: &Head<'_>, decides: Option<RouteId>) -> (Vec<PassedOver>, usize) {
    let fitting = routes.table().fitting(head);
    let elsewhere = routes.all().len().saturating_sub(fitting.len());
    let name = |id: RouteId| routes.route(id).map_or("", |route| &*route.name);
    let others = fitting.into_iter().filter(|(id, _)| Some(*id) != decides);
    let named = others.take(MAX_NAMED).map(|(id, lack)| PassedOver {
        route: name(id).to_owned(),
        why: match lack {
            Some(Lack::Method(methods)) => format!("takes only {methods}"),
            // Its value may be known to few.
            Some(Lack::Header(header)) => format!("its header `{}` is not as asked", header.name()),
            None => decides.map_or_else(String::new, |id| format!("`{}` goes before it", name(id))),
        },
    });
    (named.collect(), elsewhere)
}
