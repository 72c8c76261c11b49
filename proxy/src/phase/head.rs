//! Checks of the head that the edge has not done: methods, hosts and lengths. Sets the connection's timeouts for each
//! request, because pingora resets them.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Version, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use rules::Host;
use wire::HeadLimits;

use crate::answer::{Answer, AnswerCode};
use crate::decider::Decider;
use crate::edge::client_connection::client_connection;
use crate::findings::Findings;
use crate::phase::received::{BodyPresence, Received};
use crate::refusal::RequestRefusal;

/// Keep-alive time that pingora gets, in seconds. Any value keeps the connection; the edge enforces the idle timeout.
const KEEP_ALIVE_SECONDS: u64 = 60;
/// The methods in the `Allow` header of a 405 (RFC 9110 section 15.5.6). Other methods pass too.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// The methods with a standard meaning (RFC 9110 section 9.3, RFC 5789).
const STANDARD: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY",
];

/// Sets keep-alive and write timeout for a request. While `draining`, the connection ends with this response.
pub(crate) fn configure(session: &mut Session, draining: bool) {
    // Without a timeout pingora keeps an idle connection for ever. A connection that the client closes stays without.
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

/// Gives an HTTP/2 request the head that it would have over HTTP/1, so that later phases read one form: the host in
/// `Host`, all cookies in one field (RFC 9113 section 8.2.3). The HTTP layer has refused requests with two hosts or
/// none.
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
        // An authority that is no header value is no host either, and is refused as a missing one.
        let _ = request.insert_header(header::HOST, authority);
    }
    let cookies: Vec<&[u8]> = request
        .headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if cookies.len() > 1 {
        let cookie = cookies.join(&b"; "[..]);
        // Valid values joined by valid bytes are a valid value.
        let _ = request.insert_header(header::COOKIE, cookie);
    }
}

/// Checks the head and reads the host.
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
            Answer::new(AnswerCode::CONNECT, &decider.pages).with_header(header::ALLOW, METHODS.to_owned());
        return Err(RequestRefusal {
            answer: Arc::new(answer),
            ..malformed(AnswerCode::CONNECT)
        });
    }
    if standard_in_other_case(&request.method).is_some() {
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
    let request = &*received.header;
    let has_value = |name| request.headers.get(name).is_some_and(|value| !value.is_empty());
    request.method == Method::OPTIONS
        && has_value(header::ORIGIN)
        && has_value(header::ACCESS_CONTROL_REQUEST_METHOD)
        && !request.headers.contains_key(header::UPGRADE)
        && received.body == BodyPresence::Empty
}

/// Returns the standard method that differs from `method` only in case. Methods are case-sensitive (RFC 9110 section
/// 9.1), but some applications ignore case and would serve a request that no gate on the method saw.
pub(crate) fn standard_in_other_case(method: &Method) -> Option<&'static str> {
    let method = method.as_str();
    let mut standard = STANDARD.into_iter();
    standard.find(|known| *known != method && known.eq_ignore_ascii_case(method))
}

/// Checks an HTTP/2 head as the edge checks an HTTP/1 head. The HTTP layer has checked for connection-specific fields
/// (RFC 9113 section 8.2.2) and that the body has the stated length.
fn check_http2(headers: &HeaderMap, limits: HeadLimits) -> Result<(), AnswerCode> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if headers.len() > limits.fields || bytes > limits.bytes {
        return Err(AnswerCode::HEAD_TOO_LARGE);
    }
    // Malformed in HTTP/2 (RFC 9113 section 8.2.1). In HTTP/1 such space is not part of the value.
    let padded = |value: &HeaderValue| value.as_bytes().trim_ascii().len() != value.len();
    if headers.values().any(padded) {
        return Err(AnswerCode::HEAD);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    // A sign or a space would be read differently by an HTTP/1 upstream.
    let digits = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if lengths.next().is_some_and(|length| !digits(length.as_bytes())) || lengths.next().is_some() {
        return Err(AnswerCode::FRAMING);
    }
    Ok(())
}

/// Refuses a request whose `Content-Length` exceeds the limit of its route.
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
