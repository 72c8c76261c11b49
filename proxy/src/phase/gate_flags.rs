//! The decisions about the flags of a request's gate, made again at its end.

use rules::{Decision, Flag, FlagId, Subject, decide};

use crate::phase::with_subject::with_subject;
use crate::request_context::RequestContext;

/// Calls `each` with the decisions about the flags of the request's gate, as far as they are `wanted`. They are decided
/// again, with the request's snapshot, subject and time.
#[inline]
pub(crate) fn for_gate_flags(
    context: &RequestContext,
    wanted: impl Fn(&Flag) -> bool,
    mut each: impl FnMut(FlagId, Decision, &Subject<'_>),
) {
    let snapshot = &context.prepared.decider.snapshot;
    let route = context.found.route.and_then(|id| snapshot.routes.route(id));
    let Some(gate) = route.and_then(|route| route.gate.as_ref()) else {
        return;
    };
    let flags = &snapshot.flags;
    let is_wanted = |id: &FlagId| flags.flag(*id).is_some_and(&wanted);
    // Before the attributes are looked up, which costs more than the rest.
    if context.found.verdict.is_none() || !gate.flags().iter().any(is_wanted) {
        return;
    }
    with_subject(context, |subject| {
        for &id in gate.flags().iter().filter(|id| is_wanted(id)) {
            each(id, decide(flags, id, subject, context.now), subject);
        }
    });
}
