//! Sends the proxy's own responses. The connection is kept whenever the rest of the request is short, so that a gate
//! that refuses often does not cost clients a new connection each time.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, EXPECT};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use wire::{HttpVersion, RequestHead, ResponseHead};

use super::{Answer, AnswerFormat, push_content_length};
use crate::pingora_heads;
use crate::request_id::RequestId;

/// Maximum size of an unread body that is drained to keep the connection, in bytes.
const MAX_DRAINED_BYTES: u64 = 64 * 1024;
/// Time for draining.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum of bytes that are read from a larger body before the connection is closed. Closing with unread bytes sends
/// a reset, which can discard the response before the client reads it.
const MAX_LINGERED_BYTES: usize = 1024 * 1024;
/// Time for reading on.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The handling of a connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// Kept, if the client also wants that.
    Keep,
    /// Closed: the following bytes can't be trusted, or are not read.
    Close,
}

/// Sends `answer` to `request`.
///
/// # Errors
/// The client is gone.
pub(crate) async fn send(
    session: &mut Session,
    request: &RequestHead,
    answer: &Answer,
    id: &RequestId,
    keep_alive: KeepAlive,
) -> pingora::Result<()> {
    let (head, body) = render(request, answer, id)?;
    let keep = keep_alive == KeepAlive::Keep && prepare_to_keep(session);
    if !keep {
        session.set_keepalive(None);
    }
    // pingora omits the body of a response to HEAD over HTTP/1, but not over HTTP/2.
    let no_body = body.is_empty();
    let is_head = session.req_header().method == Method::HEAD;
    if let ServerSession::H2(stream) = &mut *session.downstream_session {
        // gRPC's Trailers-Only response has END_STREAM on its HEADERS frame.
        let ends = no_body || is_head;
        stream.write_response_header(Box::new(head), ends)?;
        if !ends {
            stream.write_body(body, true).await?;
        }
        return Ok(());
    }
    session.write_response_header(Box::new(head), no_body).await?;
    if !no_body {
        session.write_response_body(Some(body), true).await?;
    }
    if !keep {
        linger(session).await;
    }
    Ok(())
}

/// Renders the answer in the client's format.
fn render(
    request: &RequestHead,
    answer: &Answer,
    id: &RequestId,
) -> pingora::Result<(ResponseHeader, Bytes)> {
    let format = AnswerFormat::of(&request.fields);
    let mut head = ResponseHead::default();
    let body = answer.render(id, format, &mut head);
    if format == AnswerFormat::Grpc && request.version() != HttpVersion::Http2 {
        // HTTP/1 has no Trailers-Only responses.
        push_content_length(&mut head.fields, 0);
    }
    Ok((pingora_heads::response(&head)?, body))
}

/// Returns true if the connection can be kept: the unread rest of the request is short and will arrive.
fn prepare_to_keep(session: &mut Session) -> bool {
    if session.is_body_done() {
        return true;
    }
    // A client that waits for `100 Continue` may send the body or not, so the next bytes are ambiguous.
    let headers = &session.req_header().headers;
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let small = length.is_some_and(|length| length <= MAX_DRAINED_BYTES) && !headers.contains_key(EXPECT);
    if small {
        // pingora drains the body itself after the response, within these limits.
        session.set_close_on_response_before_downstream_finish(false);
        session.set_total_drain_timeout(Some(DRAIN_TIMEOUT));
        session.set_read_timeout(Some(DRAIN_TIMEOUT));
    }
    small
}

async fn linger(session: &mut Session) {
    if session.is_body_done() || session.req_header().headers.contains_key(EXPECT) {
        return;
    }
    let read = async {
        let mut left = MAX_LINGERED_BYTES;
        while let Ok(Some(bytes)) = session.downstream_session.read_request_body().await {
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                return;
            }
        }
    };
    // The connection is closed in any case.
    let _ = tokio::time::timeout(LINGER_TIMEOUT, read).await;
}
