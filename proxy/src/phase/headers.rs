//! The request's headers before it is decided: those that no client may set or that do not reach an upstream are
//! removed on every path. [`upstream_head`](super::upstream_head) sets the proxy's own.

use rules::{FlagId, HOP_HEADERS, RouteId, Subject, Timestamp, decide};
use wire::Fields;

use crate::answer::AnswerCode;
use crate::baggage;
use crate::decider::Decider;
use crate::findings::DecisionHeaders;
use crate::forwarding::PeerTrust;
use crate::phase::received::Received;
use crate::refusal::RequestRefusal;

/// Maximum of names in `Connection`: as many are refused.
const MAX_NOMINATED: usize = 10;
/// Names that `Connection` may not list.
const PROTECTED: [&str; 4] = ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Renders the headers that carry the decision. Done once for a request; retries reuse them.
pub(crate) fn render(
    decider: &Decider,
    route: Option<RouteId>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> DecisionHeaders {
    let flags = &*decider.snapshot.flags;
    let plan = &decider.snapshot.headers;
    let list = plan
        .flags
        .as_ref()
        .map(|header| header.list(flags, gated(decider, route), subject, now));
    let (list, truncated) = list.map_or((None, false), |list| (list.value, list.truncated));
    let per_flag = plan
        .per_flag
        .iter()
        .map(|(flag, _)| (*flag, decide(flags, *flag, subject, now).variant));
    let per_flag = per_flag.collect();
    let members = || baggage::members(list.as_deref().unwrap_or_default());
    DecisionHeaders {
        baggage: plan.baggage.then(members),
        flags: list,
        per_flag,
        is_truncated: truncated,
    }
}

/// Returns the flags of the route's gate.
pub(crate) fn gated(decider: &Decider, route: Option<RouteId>) -> &[FlagId] {
    let route = route.and_then(|id| decider.snapshot.routes.route(id));
    route
        .and_then(|route| route.gate.as_ref())
        .map_or(&[], |gate| gate.flags())
}

/// Removes headers that do not reach an upstream: those that only the proxy may set, with their aliases, and those
/// that `Connection` lists. Forwarding headers of a trusted proxy remain until they are rewritten.
pub(crate) fn strip(received: &mut Received<'_>, decider: &Decider) {
    let peer = received.forwarding.peer;
    let fields = &mut received.head.fields;
    let nominated = nominated(fields);
    fields.retain(|name, _| {
        let is_removed = decider.reserved.is_removed(name, peer)
            && !(peer == PeerTrust::Trusted && is_forwarding(name))
            || nominated
                .iter()
                .any(|nominated| name.eq_ignore_ascii_case(nominated));
        !is_removed
    });
}

/// Refuses a request whose `Connection` lists a protected name, too many names, or something that is no name.
///
/// # Errors
/// The request is refused.
pub(crate) fn check_nominations(fields: &Fields, decider: &Decider) -> Result<(), RequestRefusal> {
    let mut names = listed(fields);
    let is_refused = |name: &[u8]| {
        !name.iter().copied().all(is_token)
            || PROTECTED
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    };
    // As many names as the maximum are refused whatever they are.
    let refused = names.by_ref().take(MAX_NOMINATED - 1).any(is_refused) || names.next().is_some();
    match refused {
        true => Err(RequestRefusal::malformed(AnswerCode::REQUEST, &decider.pages)),
        false => Ok(()),
    }
}

/// Returns true for a character of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns true if `Connection` lists this name.
pub(crate) fn nominates(fields: &Fields, name: &str) -> bool {
    listed(fields).any(|listed| listed.eq_ignore_ascii_case(name.as_bytes()))
}

/// Returns the names that `Connection` lists, without protected names and hop-by-hop names, which are read until the
/// request is forwarded. Usually there is none.
fn nominated(fields: &Fields) -> Vec<Box<[u8]>> {
    let names = listed(fields).take(MAX_NOMINATED).filter(|name| {
        let mut kept = HOP_HEADERS.iter().chain(&PROTECTED).chain(&["close"]);
        !kept.any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()))
    });
    names.map(Box::from).collect()
}

/// Returns the names that `Connection` lists.
fn listed(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    let values = fields.values("connection");
    let names = values.flat_map(|value| value.split(|&byte| byte == b','));
    names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
}

/// Returns true for the name of a forwarding header.
fn is_forwarding(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"x-forwarded-";
    let start = name.get(..PREFIX.len());
    name.eq_ignore_ascii_case(b"forwarded") || start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
