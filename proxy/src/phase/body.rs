//! Filter of the request body: counts it and enforces its limit.

use bytes::Bytes;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::answer::is_grpc;
use crate::edge::client_connection::client_connection;
use crate::request_context::RequestContext;
use crate::shares::{Direction, MAX_UNCOUNTED};

/// Fails an HTTP/2 request whose body takes longer than the listener allows; the edge enforces the same for HTTP/1.
/// gRPC calls are exempt, because they may stream for as long as they last.
pub(crate) fn check_deadline(session: &mut Session, context: &RequestContext) -> pingora::Result<()> {
    let limits = client_connection(session).and_then(|connection| connection.http2);
    let (Some(limits), Some(awaited)) = (limits, context.body_awaited) else {
        return Ok(());
    };
    let is_late = awaited.elapsed() > limits.body_timeout;
    if is_late && !is_grpc(&context.head.fields) && !session.is_body_done() {
        return Err(Error::explain(ErrorType::ReadTimedout, "the body took too long").into_down());
    }
    Ok(())
}

/// Counts a part of the body, and fails the request if the body exceeds its limit. `end` marks the last part.
pub(crate) fn count(
    session: &Session,
    chunk: &mut Option<Bytes>,
    end: bool,
    context: &mut RequestContext,
) -> pingora::Result<()> {
    // pingora writes the end of a chunked body twice when its last part is empty. The upstream would take the second
    // one for the start of the next request on that connection (cloudflare/pingora#935).
    if end && chunk.as_ref().is_some_and(Bytes::is_empty) {
        *chunk = None;
    }
    let length = chunk.as_ref().map_or(0, Bytes::len);
    context.body_bytes = context.body_bytes.saturating_add(length as u64);
    let over = context
        .found
        .body_limit
        .is_some_and(|limit| context.body_bytes > limit);
    // Bytes after a switch of protocols are no body.
    // The limit is checked on the way as well as by Content-Length, because a chunked body states no length.
    if over && !session.was_upgraded() {
        return Err(Error::explain(ErrorType::HTTPStatus(413), "the body exceeds the limit").into_down());
    }
    let is_small = |bytes: &Bytes| end && bytes.len() <= MAX_UNCOUNTED;
    if let Some(share) = &context.share
        && let Some(bytes) = chunk.take_if(|bytes| !bytes.is_empty() && !is_small(bytes))
    {
        *chunk = Some(share.track(Direction::Body, bytes, end));
    }
    Ok(())
}
