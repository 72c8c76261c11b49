//! A signal that ends a connection or a request from outside its task.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;

/// Tells one task that what it serves is to end. Waiting takes no lock.
#[derive(Debug, Default)]
pub(crate) struct EndSignal {
    given: AtomicBool,
    /// Whether the task has ended by itself. What is left of it then are parts of an answer that wait to be written.
    is_over: AtomicBool,
    /// What ends those.
    connection: Option<Arc<Self>>,
    waker: AtomicWaker,
}

impl EndSignal {
    /// The signal for a task on a connection. `connection` ends what is left when the task is over, if anything may.
    pub(crate) fn on(connection: Option<Arc<Self>>) -> Self {
        Self {
            connection,
            ..Self::default()
        }
    }

    /// Notes that the task has ended by itself.
    pub(crate) fn over(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Gives the signal; false if it was given before, or if nothing hears it any more.
    pub(super) fn give(&self) -> bool {
        if self.is_over.load(Ordering::SeqCst) {
            return self
                .connection
                .as_ref()
                .is_some_and(|connection| connection.give());
        }
        let first = !self.given.swap(true, Ordering::SeqCst);
        self.waker.wake();
        first
    }

    pub(super) fn is_given(&self) -> bool {
        if self.is_over.load(Ordering::SeqCst) {
            return self
                .connection
                .as_ref()
                .is_some_and(|connection| connection.is_given());
        }
        self.given.load(Ordering::SeqCst)
    }

    /// Whether giving the signal has an effect.
    pub(super) fn is_heard(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst) || self.connection.is_some()
    }

    /// Returns true if the task has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
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

    #[test]
    fn what_is_left_of_a_task_ends_with_its_connection() {
        let connection = Arc::new(EndSignal::default());
        let signal = EndSignal::on(Some(Arc::clone(&connection)));
        signal.over();
        assert!(signal.give() && connection.is_given() && signal.is_given());
        let alone = EndSignal::on(None);
        assert!(alone.is_heard());
        alone.over();
        assert!(!alone.is_heard() && !alone.give());
    }
}
