//! The upstream's response on its way to the client. Hop-by-hop headers end here (RFC 9110 section 7.6.1); the rest
//! is passed on unchanged.

use bytes::Bytes;
use http::{HeaderName, StatusCode, Version, header};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::edge::client_connection::client_connection;
use crate::phase::upstream;
use crate::request_context::RequestContext;
use crate::shares::{Direction, MAX_UNCOUNTED};

/// Maximum of names in `Connection` that are read.
const MAX_NOMINATIONS: usize = 32;
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// Hop-by-hop headers. pingora handles `Connection` and `Transfer-Encoding`.
const HOP_BY_HOP: [HeaderName; 7] = [
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];
/// Headers that stay even if `Connection` lists them.
const KEPT: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::SET_COOKIE,
];

/// Records that the upstream responded, and removes headers that are not for the client.
///
/// # Errors
/// The upstream switched to a protocol that the client did not request, sent too many interim responses, or
/// is past its deadline.
pub(crate) fn filter_head(
    session: &mut Session,
    response: &mut ResponseHeader,
    context: &mut RequestContext,
) -> pingora::Result<()> {
    // Without a common protocol both sides would still take the following bytes for one.
    if response.status == StatusCode::SWITCHING_PROTOCOLS && !upstream::is_websocket(session) {
        let error = Error::explain(
            ErrorType::InvalidHTTPHeader,
            "a switch of protocols that the client did not request",
        );
        return Err(error.into_up());
    }
    if response.status == StatusCode::SWITCHING_PROTOCOLS
        && let Some(connection) = client_connection(session)
    {
        connection.set_switched();
    }
    if response.status == StatusCode::SWITCHING_PROTOCOLS || !response.status.is_informational() {
        context.upstream_answered = true;
        context.upstream_time = context.attempts.started().map(|started| started.elapsed());
        upstream::record_response_head(context);
        if let Some(share) = &context.share {
            let length = response.headers.get(header::CONTENT_LENGTH);
            share.set_answer_length(length.and_then(|length| length.to_str().ok()?.parse().ok()));
        }
        // pingora calls no body filter for a response without a body, so its end is recorded here.
        if upstream::has_no_body(session, response) {
            upstream::record_response_end(session, context);
        }
    // Each interim response is sent to the client, and no timeout of a read limits their number.
    } else if !context.attempts.count_interim() {
        let error = Error::explain(ErrorType::InvalidHTTPHeader, "too many interim responses");
        return Err(error.into_up());
    }
    upstream::check_deadline(session, context)?;
    remove_hop_by_hop(response);
    if let Some(name) = &context.prepared.decider.injected_headers.response {
        // The header belongs to the proxy: a value that the upstream set under that name is removed.
        match &context.found.headers.flags {
            Some(flags) => response.insert_header(name.clone(), flags.clone())?,
            None => drop(HeaderName::from_bytes(name).map(|name| response.remove_header(&name))),
        }
    }
    if session.req_header().version == Version::HTTP_10 {
        end_by_closing(session, response);
    }
    Ok(())
}

/// Counts a part of the response until the client has taken it.
///
/// # Errors
/// The client exceeds its memory limit by more than the shedder keeps up with.
pub(crate) fn track_chunk(
    session: &Session,
    chunk: &mut Option<Bytes>,
    end: bool,
    context: &RequestContext,
) -> pingora::Result<()> {
    let Some(share) = &context.share else {
        return Ok(());
    };
    // Over HTTP/1 a small response is written before its request ends, within the memory that every request is
    // charged.
    let is_small = |bytes: &Bytes| end && !session.is_http2() && bytes.len() <= MAX_UNCOUNTED;
    // An empty part holds no memory, and may mark the end.
    let Some(bytes) = chunk.take_if(|bytes| !bytes.is_empty() && !is_small(bytes)) else {
        return Ok(());
    };
    if !session.is_http2() && bytes.len() > MAX_UNCOUNTED {
        share.set_bulk();
    }
    *chunk = Some(share.track(Direction::Answer, bytes, end));
    if share.is_over_memory_limit() {
        let error = Error::explain(ErrorType::WriteError, "the client exceeds its memory limit");
        return Err(error.into_down());
    }
    Ok(())
}

/// Ends a response without a length by closing the connection: HTTP/1.0 has no chunked encoding (RFC 9112 section
/// 6.1).
fn end_by_closing(session: &mut Session, response: &mut ResponseHeader) {
    if response.remove_header(&header::TRANSFER_ENCODING).is_some() {
        session.set_keepalive(None);
    }
}

/// Removes hop-by-hop headers, except from a switch of protocols, which needs them.
fn remove_hop_by_hop(response: &mut ResponseHeader) {
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let nominated: Vec<HeaderName> = response
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .take(MAX_NOMINATIONS)
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| !KEPT.contains(name))
        .collect();
    for name in HOP_BY_HOP.iter().chain(&nominated) {
        response.remove_header(name);
    }
}

#[cfg(test)]
mod tests;
