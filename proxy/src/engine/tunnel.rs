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

/// One direction of a tunnel.
#[derive(Debug, Default)]
struct Way {
    passed: u64,
    /// True once the source has ended and the other side knows.
    is_done: bool,
}

/// Passes bytes on in both directions, until both sides have ended, one is lost, or both are silent. Returns their
/// numbers.
pub(crate) async fn run(
    client: &mut BufferedSocket,
    mut upstream: Buffered<Stream>,
    alarm: &mut Alarm,
    silence: Duration,
) -> TunnelBytes {
    let (mut up, mut down) = (Way::default(), Way::default());
    let mut since = Instant::now();
    poll_fn(|cx| {
        let before = up.passed + down.passed;
        let is_lost =
            up.poll(cx, client, &mut upstream).is_err() || down.poll(cx, &mut upstream, client).is_err();
        if is_lost || up.is_done && down.is_done {
            return Poll::Ready(());
        }
        if up.passed + down.passed > before {
            since = Instant::now();
        }
        alarm.poll(cx, since + silence)
    })
    .await;
    TunnelBytes {
        from_client: up.passed,
        to_client: down.passed,
    }
}

impl Way {
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
