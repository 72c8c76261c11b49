//! Sends the proxy's own responses. The connection is kept whenever the rest of the request is short, so that a gate
//! that refuses often does not cost clients a new connection each time.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::wire::{Framing, HttpVersion};
use tokio::task::coop::unconstrained;
use tokio::time::Instant;

use super::body::BodyReady;
use super::buffers::Buffers;
use super::client::{ClientGone, ClientSide};
use super::client_framing;
use crate::answer::{Answer, AnswerFormat};
use crate::refusal::KeepAlive;
use crate::request_context::RequestContext;

/// Maximum of an unread body that is drained to keep the connection, in bytes.
pub(super) const MAX_DRAINED: usize = 64 * 1024;
/// Time for draining.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends `answer`, within `write_timeout` without progress.
///
/// # Errors
/// The client is gone.
pub(crate) async fn send(
    client: &mut ClientSide,
    answer: &Answer,
    context: &mut RequestContext,
    buffers: &mut Buffers,
    (keep_alive, write_timeout): (KeepAlive, Duration),
) -> Result<(), ClientGone> {
    let format = AnswerFormat::of(&context.head.fields);
    let head = &mut buffers.response;
    let body = answer.render(&context.id, format, head);
    let is_http2 = client.is_http2();
    if format == AnswerFormat::Grpc && !is_http2 {
        // HTTP/1 has no Trailers-Only responses.
        head.fields.push("Content-Length", b"0");
    }
    context.keeps_client &= keep_alive == KeepAlive::Keep && may_drain(client, context).await;
    client_framing::complete(head, context);
    let framing = match body.len() {
        // gRPC's Trailers-Only response has END_STREAM on its HEADERS frame.
        0 => Framing::Empty,
        _ if context.head.method() == "HEAD" => Framing::Empty,
        length => Framing::Length(length as u64),
    };
    // An interim response may still wait: it comes first.
    let out = &mut buffers.to_client;
    client.begin_response(head, framing, context.share.as_ref(), out)?;
    context.begun_status = head.status();
    if framing != Framing::Empty {
        for part in body.parts() {
            client.append(part, out);
        }
        client.append_end(None, out);
    }
    write(client, buffers, write_timeout).await
}

/// Writes what waits.
///
/// # Errors
/// The client is gone, or takes nothing in time.
async fn write(client: &mut ClientSide, buffers: &mut Buffers, timeout: Duration) -> Result<(), ClientGone> {
    // The clock is read only once the client takes nothing.
    let mut stalled = None;
    poll_fn(|cx| {
        let mut progress = false;
        let written = client.poll_write(cx, &mut buffers.to_client, &mut progress);
        if progress {
            stalled = None;
        }
        if written.is_pending() {
            let since = *stalled.get_or_insert_with(Instant::now);
            ready!(buffers.alarm.poll(cx, since + timeout));
            return Poll::Ready(Err(ClientGone));
        }
        written
    })
    .await
}

/// Returns true if the rest of the request's body may be short enough to be read.
async fn may_drain(client: &mut ClientSide, context: &RequestContext) -> bool {
    if client.is_body_done() || client.is_http2() {
        return true;
    }
    // A client that waits for `100 Continue` may send the body or not, so the next bytes are ambiguous.
    if context.has_expectation || context.head.version() == HttpVersion::Http10 {
        return false;
    }
    match client.unread() {
        Some(unread) => unread <= MAX_DRAINED as u64,
        // A chunked body states no length, so only one that has arrived is known to be short. The only poll: a task that
        // has used up its budget of operations may read as well, or the body would count as late.
        None => {
            let mut left = MAX_DRAINED;
            let has_arrived =
                poll_fn(|cx| Poll::Ready(poll_drain(client, cx, &mut left) == Poll::Ready(true)));
            unconstrained(has_arrived).await
        }
    }
}

/// Reads the rest of the request's body, so that the next request can follow. Returns false if that takes too long or
/// is too much.
pub(crate) async fn drain(client: &mut ClientSide, buffers: &mut Buffers) -> bool {
    if client.is_body_done() {
        return true;
    }
    let (deadline, mut left) = (Instant::now() + DRAIN_TIMEOUT, MAX_DRAINED);
    poll_fn(|cx| match poll_drain(client, cx, &mut left) {
        Poll::Ready(is_done) => Poll::Ready(is_done),
        Poll::Pending => buffers.alarm.poll(cx, deadline).map(|()| false),
    })
    .await
}

fn poll_drain(client: &mut ClientSide, cx: &mut Context<'_>, left: &mut usize) -> Poll<bool> {
    loop {
        match ready!(client.poll_body(cx)) {
            Ok(BodyReady::End) => return Poll::Ready(true),
            Ok(BodyReady::Data) => {
                let length = client.data().len();
                client.consume(length);
                let Some(less) = left.checked_sub(length) else {
                    return Poll::Ready(false);
                };
                *left = less;
            }
            Err(_) => return Poll::Ready(false),
        }
    }
}
