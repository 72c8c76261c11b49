//! Responses to malformed heads. The edge writes them itself, because pingora never sees these requests.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use ::wire::{ResponseHead, write_response_head};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::socket::BufferedSocket;
use crate::access_entry::{AccessEntry, AnsweredBy, micros};
use crate::answer::{Answer, AnswerCode, AnswerFormat};
use crate::outcome::RequestOutcome;
use crate::shared::Shared;

/// Maximum of bytes that are read and discarded before the connection is closed. Closing with unread bytes sends a
/// reset, which can discard the response before the client reads it.
const MAX_LINGERED_BYTES: usize = 256 * 1024;
/// Time for writing the response, and again for reading on.
const LIMIT: Duration = Duration::from_secs(1);

/// Responds to `client` with `code` and ends the connection. `cause` goes to the access log.
pub(super) async fn answer(
    shared: &Shared,
    mut socket: BufferedSocket,
    client: Option<IpAddr>,
    code: AnswerCode,
    cause: &str,
) {
    // Taken before the response is written: the client decides how long that takes.
    let (started, read_at) = (Instant::now(), SystemTime::now());
    let (prepared, id) = (shared.current.load(), shared.request_ids.next());
    let answer = Answer::new(code, &prepared.decider.pages);
    let (status, outcome) = (answer.status(), RequestOutcome::BadRequest);
    shared.metrics.requests.rejections.count(code.name);
    let (mut head, mut bytes) = (ResponseHead::default(), Vec::new());
    let body = answer.render(&id, AnswerFormat::Problem, &mut head);
    head.fields.push("Connection", b"close");
    write_response_head(&head, &mut bytes);
    bytes.extend_from_slice(&body);
    let sent = timeout(LIMIT, send(&mut socket, &bytes)).await;
    let sent = matches!(sent, Ok(Ok(())));
    let duration = started.elapsed();
    prepared
        .meters
        .unmatched()
        .observe(outcome, if sent { status } else { 0 }, duration);
    if shared.access_log.is_on() {
        shared.access_log.write(&AccessEntry {
            client,
            status: if sent { status } else { 0 },
            answered_by: sent.then_some(AnsweredBy::Sluice),
            duration_us: micros(duration),
            response_bytes: if sent { body.len() as u64 } else { 0 },
            error: Some(code.name),
            cause: Some(cause),
            ..AccessEntry::new(read_at, id.as_str(), outcome)
        });
    }
    if sent {
        // The connection is closed in any case.
        let _ = timeout(LIMIT, linger(socket)).await;
    }
}

async fn send(socket: &mut BufferedSocket, bytes: &[u8]) -> std::io::Result<()> {
    let stream = socket.inner_mut();
    stream.write_all(bytes).await?;
    stream.flush().await?;
    stream.shutdown().await;
    Ok(())
}

async fn linger(mut socket: BufferedSocket) {
    let (mut left, mut space) = (MAX_LINGERED_BYTES, [0; 4096]);
    while left > 0 {
        match socket.inner_mut().read(&mut space).await {
            Ok(read @ 1..) => left = left.saturating_sub(read),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
