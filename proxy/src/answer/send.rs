//! Sending an answer of our own, and what becomes of the connection: it is kept wherever nothing unread stands
//! in the way, because a gate that refuses often must not cost every client a new connection.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_LENGTH, EXPECT};
use pingora::proxy::Session;

use super::{Answer, prefers_html};
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
pub(crate) enum Connection {
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
    connection: Connection,
) -> pingora::Result<()> {
    let html = prefers_html(
        session
            .req_header()
            .headers
            .get_all(ACCEPT)
            .iter()
            .map(http::HeaderValue::as_bytes),
    );
    let rendered = answer.render(id, html)?;
    let keep = connection == Connection::Keep && prepare_to_keep(session);
    if !keep {
        session.set_keepalive(None);
    }
    // The HTTP layer leaves the body of an answer to HEAD away by itself.
    let no_body = rendered.body.is_empty();
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
