//! Containment of panics: a panic fails one request, not its connection's task or the process.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// A contained panic. The process's panic hook has already reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs `work` and contains a panic.
///
/// Borrowed data may be half changed after a panic. That is accepted: the request is only answered and logged
/// afterwards, and nothing that outlives it changes in more than one step.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(dropped)
}

/// Runs a future and contains a panic. The future is pinned by the caller: taken by value it would be copied, and take
/// its place in memory twice.
pub(crate) async fn contain_async<T>(mut work: Pin<&mut impl Future<Output = T>>) -> Result<T, Panicked> {
    poll_fn(|context| match contain(|| work.as_mut().poll(context)) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Drops the panic's payload. That can panic again; the second payload is leaked.
fn dropped(payload: Box<dyn Any + Send>) -> Panicked {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping it could panic a third time.
        std::mem::forget(second);
    }
    Panicked
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::{Panicked, contain, contain_async};

    #[test]
    fn a_panic_is_contained_and_a_result_is_passed_on() {
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| -> u8 { panic!("a test's own") }), Err(Panicked));
    }

    #[tokio::test]
    async fn a_panic_after_waiting_is_contained() {
        let work = async {
            tokio::task::yield_now().await;
            panic!("a test's own")
        };
        assert_eq!(contain_async::<u8>(pin!(work)).await, Err(Panicked));
        assert_eq!(contain_async(pin!(async { 7 })).await, Ok(7));
    }
}
