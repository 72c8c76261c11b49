//! Checks of the head that the edge has not done: methods, hosts and lengths.

use std::sync::Arc;

use rules::{Host, RouteId};
use wire::{Fields, HeadLimits, HttpVersion, RequestHead};

use crate::answer::{Answer, AnswerCode};
use crate::decider::Decider;
use crate::findings::Findings;
use crate::phase::received::{BodyPresence, Received};
use crate::refusal::RequestRefusal;

/// The methods in the `Allow` header of a 405 (RFC 9110 section 15.5.6). Other methods pass too.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// The methods with a standard meaning (RFC 9110 section 9.3, RFC 5789).
const STANDARD: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY",
];

/// Checks the head and reads the host.
///
/// # Errors
/// The head is refused.
pub(crate) fn check(
    received: &Received<'_>,
    decider: &Decider,
    found: &mut Findings,
) -> Result<(), RequestRefusal> {
    let head = &*received.head;
    let malformed = |code| RequestRefusal::malformed(code, &decider.pages);
    if head.method() == "CONNECT" {
        let answer =
            Answer::new(AnswerCode::CONNECT, &decider.pages).with_header("allow", METHODS.to_owned());
        return Err(RequestRefusal {
            answer: Arc::new(answer),
            ..malformed(AnswerCode::CONNECT)
        });
    }
    if standard_in_other_case(head.method()).is_some() {
        return Err(malformed(AnswerCode::HEAD));
    }
    if let Some(limits) = received.http2 {
        check_http2(&head.fields, limits).map_err(malformed)?;
    }
    let host = head.fields.value("host");
    let host = host.map(|host| std::str::from_utf8(host).map(Host::parse));
    found.host = match host {
        None if head.version() >= HttpVersion::Http11 => return Err(malformed(AnswerCode::HOST)),
        None => return Ok(()),
        Some(Ok(Ok(host))) => host.name.into(),
        Some(_) => return Err(malformed(AnswerCode::HOST)),
    };
    Ok(())
}

/// Refuses a request without a host, as HTTP/1.0 allows, if a route matches on hosts.
///
/// An HTTP/1.1 upstream needs a `Host` (RFC 9112 section 3.2) and gets its endpoint's authority, which is chosen
/// after the gate is decided and too late for matching. An empty `Host` would not help: a server reads it as its
/// default host (section 3.3), which may be the one with the gated route. If no route matches on hosts, the forwarded
/// host changes nothing.
///
/// # Errors
/// The request is refused.
pub(crate) fn require_host(decider: &Decider, found: &Findings) -> Result<(), RequestRefusal> {
    if found.host.is_empty() && decider.snapshot.routes.table().needs_host() {
        return Err(RequestRefusal::malformed(AnswerCode::HOST, &decider.pages));
    }
    Ok(())
}

/// Returns true for a CORS preflight (Fetch section 3.2.2) that can hide nothing else: it has no body and requests no
/// upgrade.
pub(crate) fn is_preflight(received: &Received<'_>) -> bool {
    let head = &*received.head;
    let has_value = |name| head.fields.value(name).is_some_and(|value| !value.is_empty());
    head.method() == "OPTIONS"
        && has_value("origin")
        && has_value("access-control-request-method")
        && !head.fields.contains("upgrade")
        && received.body == BodyPresence::Empty
}

/// Returns the standard method that differs from `method` only in case. Methods are case-sensitive (RFC 9110 section
/// 9.1), but some applications ignore case and would serve a request that no gate on the method saw.
pub(crate) fn standard_in_other_case(method: &str) -> Option<&'static str> {
    let mut standard = STANDARD.into_iter();
    standard.find(|known| *known != method && known.eq_ignore_ascii_case(method))
}

/// Checks an HTTP/2 head as the edge checks an HTTP/1 head. The HTTP layer has checked for connection-specific fields
/// (RFC 9113 section 8.2.2) and that the body has the stated length.
fn check_http2(fields: &Fields, limits: HeadLimits) -> Result<(), AnswerCode> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + ": \r\n".len())
        .sum();
    if fields.len() > limits.fields || bytes > limits.bytes {
        return Err(AnswerCode::HEAD_TOO_LARGE);
    }
    // Malformed in HTTP/2 (RFC 9113 section 8.2.1). In HTTP/1 such space is not part of the value.
    if fields
        .iter()
        .any(|(_, value)| value.trim_ascii().len() != value.len())
    {
        return Err(AnswerCode::HEAD);
    }
    let mut lengths = fields.values("content-length");
    // A sign or a space would be read differently by an HTTP/1 upstream.
    let digits = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if lengths.next().is_some_and(|length| !digits(length)) || lengths.next().is_some() {
        return Err(AnswerCode::FRAMING);
    }
    Ok(())
}

/// Sets the smallest body limit of the route that decided the request and of `others`, and refuses a request whose
/// `Content-Length` exceeds it.
///
/// # Errors
/// The request is refused.
pub(crate) fn check_length(
    head: &RequestHead,
    decider: &Decider,
    others: impl Iterator<Item = RouteId>,
    found: &mut Findings,
) -> Result<(), RequestRefusal> {
    let route = |id| decider.snapshot.routes.route(id);
    let decided = found.route.and_then(route);
    let own = decided.map_or(decider.body_limit, |route| route.body_limit);
    let others = others.filter_map(route).map(|route| route.body_limit);
    // Of no limit and a limit, the limit is the smaller one.
    found.body_limit = others.fold(own, |one, other| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    });
    let length = head.fields.value("content-length");
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse::<u64>().ok());
    match (length, found.body_limit) {
        (Some(length), Some(limit)) if length > limit => {
            Err(RequestRefusal::bad(AnswerCode::BODY_TOO_LARGE, &decider.pages))
        }
        _ => Ok(()),
    }
}
