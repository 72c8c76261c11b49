//! The head, where the edge has not judged it yet: methods, hosts and lengths. And the connection gets its
//! timeouts, which the HTTP layer forgets with every request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Version, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use rules::Host;
use wire::HeadLimits;

use crate::answer::{Answer, AnswerCode};
use crate::decider::Decider;
use crate::edge::client_connection;
use crate::findings::Findings;
use crate::phase::received::{BodyPresence, Received};
use crate::refusal::RequestRefusal;

/// That a connection is kept. How long, the edge knows.
const KEEP_ALIVE_SECONDS: u64 = 60;
/// What a 405 says is allowed (RFC 9110 section 15.5.6): the usual ones, as other methods pass too.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// The methods that have a meaning of their own everywhere (RFC 9110 section 9.3, RFC 5789).
const STANDARD: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY",
];

/// Sets what holds for this request's connection. When `draining`, it ends with this answer.
pub(crate) fn configure(session: &mut Session, draining: bool) {
    // Without a timeout the HTTP layer would keep an idle connection for ever; where keep-alive is off by the
    // client's wish it stays off.
    if session.get_keepalive().is_some() {
        session.set_keepalive(if draining { None } else { Some(KEEP_ALIVE_SECONDS) });
    }
    let Some(connection) = client_connection(session) else {
        return;
    };
    if let Some(streams) = &connection.streams {
        streams.count_read();
    }
    let limit = connection.write_timeout;
    session.set_write_timeout(Some(limit));
}

/// Gives a request of HTTP/2 the head that it would have on HTTP/1, so that everything after this looks in one
/// place: its host is in `Host`, and its cookies are in one field (RFC 9113 section 8.2.3). The HTTP layer has
/// refused those that name two hosts, or none.
pub(crate) fn normalise_http2(session: &mut Session) {
    let request = session.req_header_mut();
    if request.version != Version::HTTP_2 {
        return;
    }
    let authority = request
        .uri
        .authority()
        .map(|authority| authority.as_str().to_owned());
    if let Some(authority) = authority
        && !request.headers.contains_key(header::HOST)
    {
        // What can't be a header is no host either, and refused as a request without one.
        let _ = request.insert_header(header::HOST, authority);
    }
    let crumbs: Vec<&[u8]> = request
        .headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if crumbs.len() > 1 {
        let cookie = crumbs.join(&b"; "[..]);
        // Values that were joined by what a value may have are a value.
        let _ = request.insert_header(header::COOKIE, cookie);
    }
}

/// Checks the head, and finds the host.
///
/// # Errors
/// The head is refused.
pub(crate) fn check(
    received: &Received<'_>,
    decider: &Decider,
    found: &mut Findings,
) -> Result<(), RequestRefusal> {
    let request = &*received.header;
    let malformed = |code| RequestRefusal::malformed(code, &decider.pages);
    if request.method == Method::CONNECT {
        let answer =
            Answer::new(AnswerCode::CONNECT, &decider.pages).header(header::ALLOW, METHODS.to_owned());
        return Err(RequestRefusal {
            answer: Arc::new(answer),
            ..malformed(AnswerCode::CONNECT)
        });
    }
    if is_misspelt(&request.method) {
        return Err(malformed(AnswerCode::HEAD));
    }
    if let Some(limits) = received.http2 {
        check_http2(&request.headers, limits).map_err(malformed)?;
    }
    let host = request
        .headers
        .get(header::HOST)
        .map(|host| host.to_str().map(Host::parse));
    found.host = match host {
        None if request.version >= Version::HTTP_11 => return Err(malformed(AnswerCode::HOST)),
        None => return Ok(()),
        Some(Ok(Ok(host))) => host.name.into(),
        Some(_) => return Err(malformed(AnswerCode::HOST)),
    };
    Ok(())
}

/// Refuses a request that names no host, as HTTP/1.0 allows, where a route asks for one.
///
/// An upstream of HTTP/1.1 has to be sent a `Host` (RFC 9112 section 3.2), and gets the authority of its endpoint. That
/// is chosen after the gate is decided, too late to match routes on it. An empty `Host` is no way out: a server answers
/// it as the host it takes for its own (section 3.3), which may be the one whose route has the gate. Where no route
/// asks for a host, the host that is forwarded changes nothing.
///
/// # Errors
/// The request is refused.
pub(crate) fn require_host(decider: &Decider, found: &Findings) -> Result<(), RequestRefusal> {
    if found.host.is_empty() && decider.snapshot.routes.table().needs_host() {
        return Err(RequestRefusal::malformed(AnswerCode::HOST, &decider.pages));
    }
    Ok(())
}

/// Returns true for what a browser asks before a request that pages of other sites may not make unasked (Fetch, section
/// 3.2.2), where nothing else can be hidden in it: it has no body, and asks for no other protocol.
pub(crate) fn is_preflight(received: &Received<'_>) -> bool {
    let request = &*received.header;
    let says = |name| request.headers.get(name).is_some_and(|value| !value.is_empty());
    request.method == Method::OPTIONS
        && says(header::ORIGIN)
        && says(header::ACCESS_CONTROL_REQUEST_METHOD)
        && !request.headers.contains_key(header::UPGRADE)
        && received.body == BodyPresence::Empty
}

/// Whether the method is a standard one but for its case. Methods are told apart by case (RFC 9110 section 9.1), yet
/// some applications don't, and would answer what a gate on the method never saw.
fn is_misspelt(method: &Method) -> bool {
    let method = method.as_str();
    STANDARD
        .iter()
        .any(|known| *known != method && known.eq_ignore_ascii_case(method))
}

/// Judges a head of HTTP/2 as the edge judges one of HTTP/1. That it has no fields of a connection (RFC 9113
/// section 8.2.2) and as much data as it says, the HTTP layer has seen to.
fn check_http2(headers: &HeaderMap, limits: HeadLimits) -> Result<(), AnswerCode> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if headers.len() > limits.fields || bytes > limits.bytes {
        return Err(AnswerCode::HEAD_TOO_LARGE);
    }
    // Malformed (RFC 9113 section 8.2.1); over HTTP/1 such space is no part of a value.
    let padded = |value: &HeaderValue| value.as_bytes().trim_ascii().len() != value.len();
    if headers.values().any(padded) {
        return Err(AnswerCode::HEAD);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let digits = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if lengths.next().is_some_and(|length| !digits(length.as_bytes())) || lengths.next().is_some() {
        return Err(AnswerCode::FRAMING);
    }
    Ok(())
}

/// Refuses a body whose `Content-Length` is over the limit of its route.
///
/// # Errors
/// The request is refused.
pub(crate) fn check_length(
    request: &RequestHeader,
    decider: &Decider,
    found: &mut Findings,
) -> Result<(), RequestRefusal> {
    let route = found.route.and_then(|id| decider.snapshot.routes.route(id));
    if let Some(route) = route {
        found.body_limit = route.body_limit;
    }
    let length = request.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match (length, found.body_limit) {
        (Some(length), Some(limit)) if length > limit => {
            Err(RequestRefusal::bad(AnswerCode::BODY_TOO_LARGE, &decider.pages))
        }
        _ => Ok(()),
    }
}
