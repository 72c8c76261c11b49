//! A signal that ends a connection or a request from outside its task.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;

/// A signal to one task to end what it serves. Waiting takes no lock.
#[derive(Debug, Default)]
pub(crate) struct EndSignal {
    is_sent: AtomicBool,
    /// True once the task has ended by itself. Parts of its response may still wait to be written.
    has_task_ended: AtomicBool,
    /// The signal that ends those parts.
    fallback: Option<Arc<Self>>,
    waker: AtomicWaker,
}

impl EndSignal {
    /// Creates a signal that is forwarded to `fallback` once the task has ended.
    pub(crate) fn with_fallback(fallback: Option<Arc<Self>>) -> Self {
        Self {
            fallback,
            ..Self::default()
        }
    }

    /// Records that the task has ended by itself.
    pub(crate) fn set_task_ended(&self) {
        self.has_task_ended.store(true, Ordering::SeqCst);
    }

    /// Sends the signal. Returns false if it was sent before, or if it has no receiver any more.
    pub(super) fn send(&self) -> bool {
        if self.has_task_ended.load(Ordering::SeqCst) {
            return self.fallback.as_ref().is_some_and(|fallback| fallback.send());
        }
        let first = !self.is_sent.swap(true, Ordering::SeqCst);
        self.waker.wake();
        first
    }

    pub(super) fn is_sent(&self) -> bool {
        if self.has_task_ended.load(Ordering::SeqCst) {
            return self.fallback.as_ref().is_some_and(|fallback| fallback.is_sent());
        }
        self.is_sent.load(Ordering::SeqCst)
    }

    /// Returns true if sending the signal has an effect.
    pub(super) fn has_receiver(&self) -> bool {
        !self.has_task_ended.load(Ordering::SeqCst) || self.fallback.is_some()
    }

    /// Returns true if the task has ended by itself.
    pub(super) fn has_task_ended(&self) -> bool {
        self.has_task_ended.load(Ordering::SeqCst)
    }

    /// Waits for the signal. At most one task may wait at a time.
    pub(crate) async fn wait(&self) {
        poll_fn(|context| {
            // Register first: a signal that is sent between the check and the registration would be lost.
            self.waker.register(context.waker());
            if self.is_sent.load(Ordering::SeqCst) {
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
    async fn end_signal_is_received_before_and_after_a_wait() {
        let signal = Arc::new(EndSignal::default());
        let waiting = tokio::spawn({
            let signal = Arc::clone(&signal);
            async move { signal.wait().await }
        });
        tokio::task::yield_now().await;
        assert!(signal.send());
        waiting.await.unwrap();
        signal.wait().await;
        assert!(!signal.send());
    }

    #[test]
    fn end_signal_of_an_ended_task_ends_its_connection() {
        let fallback = Arc::new(EndSignal::default());
        let signal = EndSignal::with_fallback(Some(Arc::clone(&fallback)));
        signal.set_task_ended();
        assert!(signal.send() && fallback.is_sent() && signal.is_sent());
        let alone = EndSignal::with_fallback(None);
        assert!(alone.has_receiver());
        alone.set_task_ended();
        assert!(!alone.has_receiver() && !alone.send());
    }
}
