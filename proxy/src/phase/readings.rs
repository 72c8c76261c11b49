//! The routes that a request falls on when its path is read in other ways: looked up once for each set of ways,
//! however many routes and upstreams have it.

use pingora::proxy::Session;
use rules::{Reads, RouteId};

use crate::answer::Code;
use crate::context::Context;
use crate::phase::route;
use crate::refusal::Refusal;

/// What was looked up: at most as many as there are sets of ways.
#[derive(Debug, Default)]
pub(crate) struct Readings(Vec<(Reads, Vec<RouteId>)>);

impl Readings {
    /// The routes that the request falls on when its path is read in these ways, its own among them.
    pub(crate) fn of(
        &mut self,
        session: &Session,
        context: &mut Context,
        reads: Reads,
    ) -> Result<&[RouteId], Refusal> {
        if self.0.iter().all(|(known, _)| *known != reads) {
            let snapshot = &context.serving.snapshot;
            let Ok(found) = route::readings(snapshot, &context.host, session.req_header(), reads) else {
                context.ambiguous_target = true;
                return Err(Refusal::bad(Code::TARGET, &context.serving.pages));
            };
            self.0.push((reads, found));
        }
        let found = self.0.iter().find(|(known, _)| *known == reads);
        Ok(found.map_or(&[], |(_, routes)| routes))
    }

    /// Every route that was found and isn't `own`, each once.
    pub(crate) fn others(&self, own: Option<RouteId>) -> Vec<RouteId> {
        let found = self.0.iter().flat_map(|(_, routes)| routes).copied();
        let mut others: Vec<RouteId> = found.filter(|id| Some(*id) != own).collect();
        others.sort_unstable();
        others.dedup();
        others
    }
}
