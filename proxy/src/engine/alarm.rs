//! The timer of a connection. It is registered once and moved only if a deadline is earlier than the one before: a
//! deadline that is later costs nothing until the timer fires.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer for deadlines that change with every read and write.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Waits for `deadline`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if deadline <= sleep.deadline() {
                return Poll::Ready(());
            }
            // It fired for a deadline that has moved since.
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::Alarm;

    #[tokio::test(start_paused = true)]
    async fn alarm_follows_deadlines_that_move() {
        let (mut alarm, start) = (Alarm::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut passed =
            async |deadline| poll_fn(|cx| std::task::Poll::Ready(alarm.poll(cx, deadline).is_ready())).await;
        assert!(!passed(at(10)).await);
        assert!(!passed(at(30)).await);
        advance(Duration::from_secs(11)).await;
        assert!(!passed(at(30)).await);
        assert!(!passed(at(12)).await);
        advance(Duration::from_secs(2)).await;
        assert!(passed(at(12)).await);
        assert!(!passed(at(30)).await);
        advance(Duration::from_secs(20)).await;
        assert!(passed(at(30)).await);
    }
}
