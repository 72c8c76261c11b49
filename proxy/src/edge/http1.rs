//! HTTP/1: reads each request head completely, under one deadline, before pingora sees the request.

use std::sync::Arc;
use std::time::Duration;

use ::wire::{BodyScanner, HeadBounds, InvalidHead, RequestHead, read_head};
use pingora::apps::HttpServerApp as _;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use tokio::time::{Instant, timeout_at};

use super::client_connection::ClientConnection;
use super::pingora_stream::PingoraStream;
use super::socket::BufferedSocket;
use super::{Edge, malformed};
use crate::answer::AnswerCode;

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
    mut socket: BufferedSocket,
    connection: &Arc<ClientConnection>,
    deadline: Instant,
    mut shutdown: ShutdownWatch,
) {
    let digest = connection.digest();
    let mut first = Some(deadline);
    loop {
        let head = match next_head(edge, &mut socket, first, &mut shutdown).await {
            Ok(head) => head,
            Err(NoNextHead::Gone) => return,
            Err(NoNextHead::Late) => {
                return malformed::answer(
                    &edge.shared,
                    socket,
                    connection.client(),
                    AnswerCode::HEAD_TIMEOUT,
                    "the head did not arrive in time",
                )
                .await;
            }
            Err(NoNextHead::Malformed(why)) => {
                return malformed::answer(
                    &edge.shared,
                    socket,
                    connection.client(),
                    AnswerCode::of_head(why),
                    &why.to_string(),
                )
                .await;
            }
        };
        first = None;
        connection.begin_request();
        connection.share.touch();
        let mut request = socket.buffer.split_to(head.end);
        // pingora parses the head a second time. It gets exactly the bytes that were checked here, so both agree on
        // where the head ends.
        let head_bytes = request.split_off(head.start);
        let (body, limit) = (BodyScanner::new(head.framing), edge.limits.body_timeout);
        let (stream, returned) = PingoraStream::for_request(socket, body, connection, digest.clone(), limit);
        let mut session = ServerSession::new_http1(Box::new(stream));
        session.set_pipelined_prefix(head_bytes);
        // pingora reads 0 as no timeout, so one below one second is rounded up. The edge enforces the exact one.
        session.set_keepalive(Some(edge.limits.idle_timeout.as_secs().max(1)));
        let reused = edge.proxy.process_new_http(session, &shutdown).await;
        let reusable = reused.is_some();
        // Dropping the session's stream sends the socket back through `returned`.
        drop(reused);
        let Ok(returned) = returned.await else { return };
        // Unread body bytes would be parsed as the next head, so the connection is reused only after the whole body
        // was read.
        if !(returned.is_body_done && (reusable || connection.is_kept())) {
            return;
        }
        socket = returned.socket;
    }
}

/// Reads the next head, which stays in the buffer. `first` is the deadline of the connection's first head.
async fn next_head(
    edge: &Edge,
    socket: &mut BufferedSocket,
    first: Option<Instant>,
    shutdown: &mut ShutdownWatch,
) -> Result<HeadBounds, NoNextHead> {
    let limits = edge.limits;
    if socket.buffer.is_empty() && first.is_none() {
        wait_for_first_byte(socket, limits.idle_timeout, shutdown).await?;
    }
    let deadline = first.unwrap_or_else(|| Instant::now() + limits.head_timeout);
    let mut parsed = 0;
    let mut head = RequestHead::default();
    loop {
        // Parsing restarts at the first byte each time, so it runs only when a new line or the size limit can change
        // the result.
        let unread = socket.buffer.get(parsed..).unwrap_or_default();
        if parsed == 0 || unread.contains(&b'\n') || socket.buffer.len() >= limits.head.bytes {
            match read_head(&socket.buffer, limits.head, &mut head) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => {}
                Err(why) => return Err(NoNextHead::Malformed(why)),
            }
        }
        parsed = socket.buffer.len();
        match timeout_at(deadline, socket.fill_buffer()).await {
            Ok(Ok(0) | Err(_)) => return Err(NoNextHead::Gone),
            Ok(Ok(_)) => {}
            // Nothing was sent, so there is no request to answer.
            Err(_) if socket.buffer.is_empty() => return Err(NoNextHead::Gone),
            Err(_) => return Err(NoNextHead::Late),
        }
    }
}

/// Waits for the first byte of the next request.
async fn wait_for_first_byte(
    socket: &mut BufferedSocket,
    idle: Duration,
    shutdown: &mut ShutdownWatch,
) -> Result<(), NoNextHead> {
    if *shutdown.borrow() {
        return Err(NoNextHead::Gone);
    }
    tokio::select! {
        read = tokio::time::timeout(idle, socket.fill_buffer()) => match read {
            Ok(Ok(1..)) => Ok(()),
            _ => Err(NoNextHead::Gone),
        },
        // An idle connection closes at once when the proxy shuts down; a request in flight is finished first.
        _ = shutdown.changed() => Err(NoNextHead::Gone),
    }
}
