//! The request's headers on their way to the upstream: headers that only the proxy may set are removed on every path,
//! then set once each.

use http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use rules::{FlagId, HOP_HEADERS, RouteId, Subject, Timestamp, decide};

use crate::answer::AnswerCode;
use crate::baggage::{self, BAGGAGE};
use crate::decider::Decider;
use crate::findings::{DecisionHeaders, Findings};
use crate::forwarding::PeerTrust;
use crate::injected_headers::InjectedHeaders;
use crate::phase::received::Received;
use crate::refusal::RequestRefusal;
use crate::request_context::RequestContext;
use crate::request_id::RequestId;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Maximum of names in `Connection`. pingora refuses a request with as many.
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
    let per_flag = plan.per_flag.iter().filter_map(|(flag, _)| {
        let served = decide(flags, *flag, subject, now).variant;
        let name = &*flags.flag(*flag)?.variant(served)?.name;
        Some((*flag, HeaderValue::from_str(name).ok()?))
    });
    let per_flag = per_flag.collect();
    let members = || baggage::members(list.as_deref().unwrap_or_default());
    DecisionHeaders {
        baggage: plan.baggage.then(members),
        flags: list.and_then(|list| HeaderValue::try_from(list).ok()),
        per_flag,
        is_truncated: truncated,
    }
}

/// Returns the flags of the route's gate.
fn gated(decider: &Decider, route: Option<RouteId>) -> &[FlagId] {
    let route = route.and_then(|id| decider.snapshot.routes.route(id));
    route
        .and_then(|route| route.gate.as_ref())
        .map_or(&[], |gate| gate.flags())
}

/// Removes headers that do not reach an upstream: those that only the proxy may set, with their aliases, and those
/// that `Connection` lists. Forwarding headers of a trusted proxy remain until they are rewritten.
pub(crate) fn strip(received: &mut Received<'_>, decider: &Decider) {
    let peer = received.forwarding.peer;
    let headers = &received.header.headers;
    let of_proxy = |name: &HeaderName| peer == PeerTrust::Trusted && is_forwarding(name);
    let removed: Vec<HeaderName> = nominated(headers)
        .chain(
            headers
                .keys()
                .filter(|name| decider.reserved.is_removed(name.as_str(), peer) && !of_proxy(name))
                .cloned(),
        )
        .collect();
    for name in &removed {
        received.header.remove_header(name);
    }
}

/// Refuses a request whose `Connection` lists a protected name, as pingora would when it forwards the request.
///
/// # Errors
/// The request is refused.
pub(crate) fn check_nominations(request: &RequestHeader, decider: &Decider) -> Result<(), RequestRefusal> {
    let values = request.headers.get_all(header::CONNECTION).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let mut names = names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    let is_refused = |name: &[u8]| {
        let is_token = name.iter().copied().all(is_token) && HeaderName::from_bytes(name).is_ok();
        !is_token
            || PROTECTED
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    };
    // As many names as the maximum are refused whatever they are, as pingora does.
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

/// Returns the names that `Connection` lists, without hop-by-hop names, which pingora removes when it forwards the
/// request, and protected names.
fn nominated(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let names = headers.get_all(header::CONNECTION).iter();
    let names = names.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    names
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .take(MAX_NOMINATED)
        .filter(|name| {
            let mut kept = HOP_HEADERS.iter().chain(&PROTECTED).chain(&["close"]);
            !kept.any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()))
        })
        .filter_map(|name| HeaderName::from_bytes(name).ok())
}

/// Returns true for the name of a forwarding header.
fn is_forwarding(name: &HeaderName) -> bool {
    *name == header::FORWARDED || name.as_str().starts_with("x-forwarded-")
}

/// Turns the client's request into the upstream's. pingora has removed hop-by-hop headers and those that `Connection`
/// lists.
pub(crate) fn rewrite(
    session: &Session,
    request: &mut RequestHeader,
    context: &RequestContext,
) -> pingora::Result<()> {
    let decider = &context.prepared.decider;
    let removed: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| {
            decider
                .reserved
                .is_removed(name.as_str(), context.forwarding.peer)
        })
        .cloned()
        .collect();
    for name in &removed {
        request.remove_header(name);
    }
    inject(request, &context.found, &decider.injected_headers)?;
    if let Some(name) = &decider.injected_headers.request_id {
        request.insert_header(name.clone(), context.id.as_str())?;
    }
    context.forwarding.write(request)?;
    address(request, context)?;
    via(request, session.req_header().version)?;
    trace(request, &context.id)?;
    match &decider.injected_headers.signature {
        Some(signature) => signature.set(request, context.now.seconds()),
        None => Ok(()),
    }
}

/// Sets the headers that carry the decision to the upstream.
pub(crate) fn inject(
    request: &mut RequestHeader,
    found: &Findings,
    injected: &InjectedHeaders,
) -> pingora::Result<()> {
    if let (Some(name), Some(tenant)) = (&injected.tenant, found.tenant()) {
        request.insert_header(name.clone(), tenant.as_str())?;
    }
    if let (Some(name), Some(user)) = (&injected.user, found.user()) {
        // A user's name may contain any character except controls. Header values take it as UTF-8.
        request.insert_header(name.clone(), user.as_bytes())?;
    }
    if let (Some(name), Some(flags)) = (&injected.flags, &found.headers.flags) {
        request.insert_header(name.clone(), flags.clone())?;
    }
    for ((name, flag), (decided, value)) in injected.per_flag.iter().zip(&found.headers.per_flag) {
        if flag == decided {
            request.insert_header(name.clone(), value.clone())?;
        }
    }
    if let Some((name, revision)) = &injected.revision {
        request.insert_header(name.clone(), revision.clone())?;
    }
    if let Some(members) = &found.headers.baggage {
        match baggage::merged(members, &request.headers) {
            Some(value) => request.insert_header("baggage", value)?,
            None => drop(request.remove_header(&BAGGAGE)),
        }
    }
    Ok(())
}

/// Sets `Host` to the endpoint's authority if the client sent none, as HTTP/1.0 allows: HTTP/1.1 requires one (RFC
/// 9112 section 3.2). No route matches on hosts then ([`require_host`](super::head::require_host)).
fn address(request: &mut RequestHeader, context: &RequestContext) -> pingora::Result<()> {
    if request.headers.contains_key(header::HOST) {
        return Ok(());
    }
    match context.attempts.endpoint() {
        Some(endpoint) => request.insert_header(header::HOST, &*endpoint.authority),
        None => Ok(()),
    }
}

/// Appends this proxy to `Via` (RFC 9110 section 7.6.3).
fn via(request: &mut RequestHeader, version: Version) -> pingora::Result<()> {
    let version = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    request
        .append_header("Via", format!("{version} sluice"))
        .map(|_| ())
}

/// Continues the client's trace, or starts one with the request's id (W3C Trace Context). A new trace is marked as
/// sampled, so that the upstream decides about recording as it would without a proxy.
fn trace(request: &mut RequestHeader, id: &RequestId) -> pingora::Result<()> {
    let mut given = request.headers.get_all(&TRACEPARENT).iter();
    let parent = match (given.next(), given.next()) {
        (Some(parent), None) => parent.to_str().ok().and_then(continued),
        _ => None,
    };
    let (trace, flags) = match &parent {
        Some((trace, flags)) => (&**trace, &**flags),
        None => (id.as_str(), "01"),
    };
    let value = format!("00-{trace}-{}-{flags}", id.span());
    if parent.is_none() {
        request.remove_header(&TRACESTATE);
    }
    request.insert_header("traceparent", value)
}

/// Returns trace id and flags of a valid `traceparent` (W3C Trace Context section 3.2).
pub(crate) fn continued(parent: &str) -> Option<(String, String)> {
    let mut parts = parent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let valid = known && hex(trace, 32) && some(trace) && hex(span, 16) && some(span) && hex(flags, 2);
    valid.then(|| (trace.to_owned(), flags.to_owned()))
}

#[cfg(test)]
mod tests;
