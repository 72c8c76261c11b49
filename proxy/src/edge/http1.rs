//! HTTP/1: reads each request head completely, under one deadline, and has the engine serve the request.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::wire::{HeadBounds, HttpVersion, InvalidHead, RequestHead, is_before_head, read_head};
use pingora::server::ShutdownWatch;
use tokio::time::Instant;

use super::Edge;
use super::client_connection::ClientConnection;
use super::closing::close;
use super::socket::BufferedSocket;
use crate::answer::AnswerCode;
use crate::drain_times::DRAIN_IDLE;
use crate::engine::{self, Arrival, Buffers, ClientSide};
use crate::request_context::RequestContext;
use crate::shared::Shared;

/// The reason why the connection has no further request.
enum NoNextHead {
    /// The client closed the connection, or sent nothing in time.
    Gone,
    /// The head is incomplete at its deadline; the client gets a 408.
    Late,
    /// The bytes are not a valid head.
    Malformed(InvalidHead),
}

/// Serves the requests of a connection in order, until it ends.
pub(super) async fn serve(
    edge: &Edge,
    socket: BufferedSocket,
    connection: &Arc<ClientConnection>,
    deadline: Instant,
    shutdown: ShutdownWatch,
) {
    let mut client = ClientSide::http1(socket, !edge.limits.abort_on_close);
    let mut buffers = Buffers::default();
    let mut head = RequestHead::default();
    let mut first = Some(deadline);
    // One future for all requests: each would be entered into a list of the watch, and removed from it.
    let mut changes = shutdown.clone();
    let mut stopping = pin!(changes.changed());
    loop {
        let idle = (&shutdown, stopping.as_mut());
        let next = next_head(edge, &mut client, &mut buffers, &mut head, first, idle).await;
        if matches!(next, Err(NoNextHead::Gone)) {
            return;
        }
        first = None;
        // In a box, which exists only while there is a request: most connections are idle.
        let served = Box::pin(serve_next(
            &edge.shared,
            connection,
            &mut client,
            &mut buffers,
            (&mut head, next),
        ));
        if !served.await {
            break;
        }
        head.fields.shrink();
        buffers.shrink();
        if let Some(stream) = client.connection() {
            stream.io.shrink();
        }
    }
    // Over TLS the close notification would mark a truncated response as complete.
    let connection = client.connection().filter(|stream| !stream.is_truncated());
    if let Some(stream) = connection {
        let is_clean = stream.is_incoming_done() && stream.io.buffer.is_empty();
        close(&mut stream.io, is_clean).await;
    }
}

/// Serves the request whose head was read, or refuses the head. Returns true if the connection can serve another.
async fn serve_next(
    shared: &Arc<Shared>,
    connection: &ClientConnection,
    client: &mut ClientSide,
    buffers: &mut Buffers,
    (head, next): (&mut RequestHead, Result<HeadBounds, NoNextHead>),
) -> bool {
    client.forget_response();
    let bounds = match next {
        Ok(bounds) => bounds,
        Err(refused) => {
            let (code, cause) = match refused {
                NoNextHead::Malformed(why) => (AnswerCode::of_head(why), why.to_string()),
                NoNextHead::Gone | NoNextHead::Late => (
                    AnswerCode::HEAD_TIMEOUT,
                    "the head did not arrive in time".to_owned(),
                ),
            };
            let mut context = RequestContext::new(shared, begun_head(client));
            engine::refuse_head(shared, client, &mut context, buffers, (code, cause, connection)).await;
            return false;
        }
    };
    client.begin_request(bounds.end, bounds.framing);
    let arrival = Arrival {
        connection,
        framing: bounds.framing,
    };
    let mut context = RequestContext::new(shared, std::mem::take(head));
    connection.share.touch(context.started);
    let keeps = engine::serve(shared, client, &mut context, buffers, arrival).await;
    *head = std::mem::take(&mut context.head);
    keeps
}

/// Returns what is certain of a head that is refused: whether its answer has a body.
fn begun_head(client: &mut ClientSide) -> RequestHead {
    let mut head = RequestHead::default();
    let begun = client.connection().map(|stream| &stream.io.buffer);
    if begun.is_some_and(|bytes| bytes.starts_with(b"HEAD ")) {
        head.begin("HEAD", "", HttpVersion::Http11);
    }
    head
}

/// Reads the next head into `head`. Its bytes stay in the buffer. `first` is the deadline of the connection's first
/// head.
async fn next_head(
    edge: &Edge,
    client: &mut ClientSide,
    buffers: &mut Buffers,
    head: &mut RequestHead,
    first: Option<Instant>,
    (shutdown, mut stopping): (&ShutdownWatch, Pin<&mut impl Future>),
) -> Result<HeadBounds, NoNextHead> {
    let limits = edge.limits;
    let Some(stream) = client.connection() else {
        return Err(NoNextHead::Gone);
    };
    // Some clients send an empty line after a body (RFC 9112 section 2.2). It does not begin a head.
    if is_before_head(&stream.io.buffer) && first.is_none() {
        let mut deadline = Instant::now() + limits.idle_timeout;
        let mut is_stopping = *shutdown.borrow();
        if is_stopping {
            deadline = deadline.min(Instant::now() + DRAIN_IDLE);
        }
        // During a shutdown an idle connection waits a little longer for a request that is on its way: a client can't
        // know if a request on a connection that was closed under it has had an effect.
        poll_fn(|cx| {
            while let Poll::Ready(read) = stream.poll_fill(cx) {
                let has_ended = !matches!(read, Ok(1..));
                if has_ended || !is_before_head(&stream.io.buffer) {
                    return Poll::Ready(!has_ended);
                }
            }
            if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                deadline = deadline.min(Instant::now() + DRAIN_IDLE);
            }
            buffers.alarm.poll(cx, deadline).map(|()| false)
        })
        .await
        .then_some(())
        .ok_or(NoNextHead::Gone)?;
    }
    let mut deadline = first;
    let mut parsed = 0;
    poll_fn(|cx: &mut Context<'_>| {
        loop {
            // Parsing restarts at the first byte each time, so it runs only when a new line or the size limit can change
            // the result.
            let buffer = &stream.io.buffer;
            let unread = buffer.get(parsed..).unwrap_or_default();
            if parsed == 0 || unread.contains(&b'\n') || buffer.len() >= limits.head.bytes {
                match read_head(buffer, limits.head, head) {
                    Ok(Some(bounds)) => return Poll::Ready(Ok(bounds)),
                    Ok(None) => {}
                    Err(why) => return Poll::Ready(Err(NoNextHead::Malformed(why))),
                }
            }
            parsed = buffer.len();
            match stream.poll_fill(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(NoNextHead::Gone)),
                Poll::Pending => {
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + limits.head_timeout);
                    ready!(buffers.alarm.poll(cx, deadline));
                    // Nothing was sent, so there is no request to answer.
                    return Poll::Ready(Err(match parsed {
                        0 => NoNextHead::Gone,
                        _ => NoNextHead::Late,
                    }));
                }
            }
        }
    })
    .await
}
