//! The request's body on its way through: counted, and cut off where it passes the limit.

use bytes::Bytes;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::context::Context;

/// Counts a part of the body. `end` says that nothing follows it.
pub(crate) fn count(
    session: &Session,
    chunk: &mut Option<Bytes>,
    end: bool,
    context: &mut Context,
) -> pingora::Result<()> {
    // pingora writes the end of a chunked body twice when its last part is empty, and the second one would be
    // taken for the beginning of the next request on that connection (cloudflare/pingora#935).
    if end && chunk.as_ref().is_some_and(Bytes::is_empty) {
        *chunk = None;
    }
    let length = chunk.as_ref().map_or(0, Bytes::len);
    context.body_bytes = context.body_bytes.saturating_add(length as u64);
    let over = context.body_limit.is_some_and(|limit| context.body_bytes > limit);
    // What follows a switch of protocols is no body.
    if over && !session.was_upgraded() {
        return Err(Error::explain(ErrorType::HTTPStatus(413), "the body passes the limit").into_down());
    }
    Ok(())
}
