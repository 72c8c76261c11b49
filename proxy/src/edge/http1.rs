//! HTTP/1: one request after the other. Each head is read whole, under one deadline, before pingora sees it.

use std::sync::Arc;
use std::time::Duration;

use ::wire::{Body, Head, InvalidHead, read_head};
use pingora::apps::HttpServerApp as _;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use tokio::time::{Instant, timeout_at};

use super::exchange::Exchange;
use super::line::Line;
use super::{Arrival, Edge, malformed};
use crate::answer::Code;

/// Why there is no next request.
enum Ended {
    /// The client closed the connection, or is too slow to be told anything.
    Gone,
    /// The head did not come in time, and the client may be told so.
    Late,
    /// What came is no head.
    Malformed(InvalidHead),
}

/// Serves the requests of a connection until it ends.
pub(super) async fn serve(
    edge: &Edge,
    mut line: Line,
    arrival: &Arc<Arrival>,
    deadline: Instant,
    mut shutdown: ShutdownWatch,
) {
    let digest = arrival.digest();
    let mut first = Some(deadline);
    loop {
        let head = match next_head(edge, &mut line, first, &mut shutdown).await {
            Ok(head) => head,
            Err(Ended::Gone) => return,
            Err(Ended::Late) => {
                return malformed::answer(edge, line, arrival, Code::HEAD_TIMEOUT, "the head is late").await;
            }
            Err(Ended::Malformed(why)) => {
                return malformed::answer(edge, line, arrival, Code::of_head(why), &why.to_string()).await;
            }
        };
        first = None;
        arrival.renew();
        arrival.share.touch();
        let mut request = line.ahead.split_to(head.end);
        let head_bytes = request.split_off(head.start);
        let (body, limit) = (Body::new(head.framing), edge.limits.body_timeout);
        let (exchange, returned) = Exchange::of_request(line, body, arrival, digest.clone(), limit);
        let mut session = ServerSession::new_http1(Box::new(exchange));
        session.set_pipelined_prefix(head_bytes);
        session.set_keepalive(Some(edge.limits.idle_timeout.as_secs().max(1)));
        let reused = edge.proxy.process_new_http(session, &shutdown).await;
        let reusable = reused.is_some();
        // Dropped here, the exchange gives the connection back.
        drop(reused);
        let Ok(returned) = returned.await else { return };
        if !(returned.body_done && (reusable || arrival.is_kept())) {
            return;
        }
        line = returned.line;
    }
}

/// Reads the next head; the first one has a deadline already. It stays in what was read ahead.
async fn next_head(
    edge: &Edge,
    line: &mut Line,
    first: Option<Instant>,
    shutdown: &mut ShutdownWatch,
) -> Result<Head, Ended> {
    let limits = edge.limits;
    if line.ahead.is_empty() && first.is_none() {
        wait(line, limits.idle_timeout, shutdown).await?;
    }
    let deadline = first.unwrap_or_else(|| Instant::now() + limits.head_timeout);
    let mut parsed = 0;
    loop {
        // Only a new line can make what was incomplete before complete or wrong.
        let unread = line.ahead.get(parsed..).unwrap_or_default();
        if parsed == 0 || unread.contains(&b'\n') || line.ahead.len() >= limits.head.bytes {
            match read_head(&line.ahead, limits.head) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => {}
                Err(why) => return Err(Ended::Malformed(why)),
            }
        }
        parsed = line.ahead.len();
        match timeout_at(deadline, line.read_ahead()).await {
            Ok(Ok(0) | Err(_)) => return Err(Ended::Gone),
            Ok(Ok(_)) => {}
            Err(_) if line.ahead.is_empty() => return Err(Ended::Gone),
            Err(_) => return Err(Ended::Late),
        }
    }
}

/// Waits for the first byte of the next request.
async fn wait(line: &mut Line, idle: Duration, shutdown: &mut ShutdownWatch) -> Result<(), Ended> {
    if *shutdown.borrow() {
        return Err(Ended::Gone);
    }
    tokio::select! {
        read = tokio::time::timeout(idle, line.read_ahead()) => match read {
            Ok(Ok(1..)) => Ok(()),
            _ => Err(Ended::Gone),
        },
        _ = shutdown.changed() => Err(Ended::Gone),
    }
}
