//! Sending an answer of our own, and what becomes of the connection: it is kept wherever nothing unread stands
//! in the way, because a gate that refuses often must not cost every client a new connection.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_LENGTH, EXPECT};
use http::{Method, Version};
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;

use super::grpc::is_grpc;
use super::{Answer, Rendered, prefers_html};
use crate::request_id::RequestId;

/// The largest unread body that is read and thrown away to keep a connection, in bytes.
const MAX_DRAINED_BYTES: u64 = 64 * 1024;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of a larger body is read before the connection is closed, so that the client gets to read the
/// answer: closing with unread bytes resets the connection, and a reset can overtake the answer.
const MAX_LINGERED_BYTES: usize = 1024 * 1024;
/// How long that may take.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// It is kept, if the client wants that too.
    Keep,
    /// It is closed: what follows on it can't be trusted, or will not be read.
    Close,
}

/// Sends `answer`. An error means that the client is gone.
pub(crate) async fn send(
    session: &mut Session,
    answer: &Answer,
    id: &RequestId,
    keep_alive: KeepAlive,
) -> pingora::Result<()> {
    let rendered = render(session, answer, id)?;
    let keep = keep_alive == KeepAlive::Keep && prepare_to_keep(session);
    if !keep {
        session.set_keepalive(None);
    }
    // The HTTP layer leaves the body of an answer to HEAD away by itself on HTTP/1, and on HTTP/2 it doesn't.
    let no_body = rendered.body.is_empty();
    let is_head = session.req_header().method == Method::HEAD;
    if let ServerSession::H2(stream) = &mut *session.downstream_session {
        // The end goes with the head where nothing follows: that is how gRPC knows an answer of a head alone.
        let ends = no_body || is_head;
        stream.write_response_header(Box::new(rendered.header), ends)?;
        if !ends {
            stream.write_body(rendered.body, true).await?;
        }
        return Ok(());
    }
    session
        .write_response_header(Box::new(rendered.header), no_body)
        .await?;
    if !no_body {
        session.write_response_body(Some(rendered.body), true).await?;
    }
    if !keep {
        linger(session).await;
    }
    Ok(())
}

/// The answer in the form that the client reads.
fn render(session: &Session, answer: &Answer, id: &RequestId) -> pingora::Result<Rendered> {
    let request = session.req_header();
    if !is_grpc(&request.headers) {
        let accept = request.headers.get_all(ACCEPT).iter();
        return answer.render(id, prefers_html(accept.map(http::HeaderValue::as_bytes)));
    }
    let mut rendered = answer.render_grpc()?;
    if request.version != Version::HTTP_2 {
        // HTTP/1 knows no head alone.
        rendered.header.insert_header(CONTENT_LENGTH, 0)?;
    }
    Ok(rendered)
}

/// Whether the connection can be kept, that is, whether what is unread of the request is little and will come.
fn prepare_to_keep(session: &mut Session) -> bool {
    if session.is_body_done() {
        return true;
    }
    // A client that waits for `100 Continue` may send the body or not: nobody can tell what comes next.
    let headers = &session.req_header().headers;
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let small = length.is_some_and(|length| length <= MAX_DRAINED_BYTES) && !headers.contains_key(EXPECT);
    if small {
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
    // Whether all of it came makes no difference: the connection is closed now.
    let _ = tokio::time::timeout(LINGER_TIMEOUT, read).await;
}
