//! A signal that ends a connection or a request from outside its task.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;

/// Tells one task that what it serves is to end. Waiting takes no lock.
#[derive(Debug, Default)]
pub(crate) struct EndSignal {
    given: AtomicBool,
    waker: AtomicWaker,
}

impl EndSignal {
    /// Gives the signal; false if it was given before.
    pub(super) fn give(&self) -> bool {
        let first = !self.given.swap(true, Ordering::SeqCst);
        self.waker.wake();
        first
    }

    pub(super) fn is_given(&self) -> bool {
        self.given.load(Ordering::SeqCst)
    }

    /// Waits for the signal. Only one task may wait at a time.
    pub(crate) async fn given(&self) {
        poll_fn(|context| {
            self.waker.register(context.waker());
            if self.given.load(Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::EndSignal;

    #[tokio::test]
    async fn a_signal_is_heard_before_and_after_it_is_waited_for() {
        let signal = Arc::new(EndSignal::default());
        let waiting = tokio::spawn({
            let signal = Arc::clone(&signal);
            async move { signal.given().await }
        });
        tokio::task::yield_now().await;
        assert!(signal.give());
        waiting.await.unwrap();
        signal.given().await;
        assert!(!signal.give());
    }
}
