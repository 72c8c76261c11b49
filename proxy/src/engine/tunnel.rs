//! A tunnel: the bytes of both sides after a switch of protocols, until both have ended or both are silent for too long.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf as _;
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::alarm::Alarm;
use crate::edge::buffered::Buffered;
use crate::edge::socket::BufferedSocket;

/// Bytes that wait for a side that takes nothing. More is not read.
const FULL: usize = 64 * 1024;

/// The numbers of bytes that were passed on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TunnelBytes {
    pub(crate) from_client: u64,
    pub(crate) to_client: u64,
}

/// The silence after which a tunnel ends whose one side was lost. Bytes that it had sent before may still be on their
/// way in the other direction.
const LOST_SILENCE: Duration = Duration::from_millis(200);
/// The same, while bytes wait for the side that is left.
const REST_SILENCE: Duration = Duration::from_secs(10);

/// One direction of a tunnel.
#[derive(Debug, Default)]
struct Way {
    passed: u64,
    /// True once the source has ended and the other side knows, or one of them is lost.
    is_done: bool,
    is_lost: bool,
}

/// Passes bytes on in both directions, until both have ended or both sides are silent. Returns their numbers.
pub(crate) async fn run(
    client: &mut BufferedSocket,
    mut upstream: Buffered<Stream>,
    alarm: &mut Alarm,
    silence: Duration,
) -> TunnelBytes {
    let (mut up, mut down) = (Way::default(), Way::default());
    let mut since = Instant::now();
    poll_fn(|cx| {
        let before = (up.passed + down.passed, up.is_lost || down.is_lost);
        up.poll_or_lose(cx, client, &mut upstream);
        down.poll_or_lose(cx, &mut upstream, client);
        if up.is_done && down.is_done {
            return Poll::Ready(());
        }
        let is_lost = up.is_lost || down.is_lost;
        if (up.passed + down.passed, is_lost) != before {
            since = Instant::now();
        }
        let has_rest =
            !up.is_done && !client.buffer.is_empty() || !down.is_done && !upstream.buffer.is_empty();
        let silence = match (is_lost, has_rest) {
            (false, _) => silence,
            (true, true) => silence.min(REST_SILENCE),
            (true, false) => silence.min(LOST_SILENCE),
        };
        alarm.poll(cx, since + silence)
    })
    .await;
    TunnelBytes {
        from_client: up.passed,
        to_client: down.passed,
    }
}

impl Way {
    /// Polls the direction. An error ends it.
    fn poll_or_lose(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Buffered<impl AsyncRead + Unpin>,
        to: &mut Buffered<impl AsyncWrite + Unpin>,
    ) {
        if self.poll(cx, from, to).is_err() {
            (self.is_done, self.is_lost) = (true, true);
        }
    }

    /// Passes on what has arrived and the other side takes.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Buffered<impl AsyncRead + Unpin>,
        to: &mut Buffered<impl AsyncWrite + Unpin>,
    ) -> io::Result<()> {
        while !self.is_done {
            if from.buffer.is_empty() {
                match from.poll_fill_buffer(cx) {
                    Poll::Ready(Ok(0)) => {
                        // The other side may still send: only this direction ends.
                        if to.writer().poll_shutdown(cx)?.is_pending() {
                            return Ok(());
                        }
                        self.is_done = true;
                    }
                    Poll::Ready(read) => drop(read?),
                    Poll::Pending => {
                        let _ = to.writer().poll_flush(cx)?;
                        return Ok(());
                    }
                }
                continue;
            }
            let waiting = from.buffer.get(..from.buffer.len().min(FULL)).unwrap_or_default();
            match to.writer().poll_write(cx, waiting)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(length) => {
                    from.buffer.advance(length);
                    self.passed += length as u64;
                }
                Poll::Pending => return Ok(()),
            }
        }
        Ok(())
    }
}
