//! Containment of panics: a defect met by one request takes that request, not its connection's task, and not
//! the process.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Something panicked. What it said went through the process's panic hook already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs `work`, and contains a panic of it.
///
/// That what it borrows may be half changed is accepted: a request whose work panicked is only answered and
/// logged after that, and nothing that outlives it is changed in more than one step.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(dropped)
}

/// The same for work that waits.
pub(crate) async fn contain_async<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| match contain(|| work.as_mut().poll(context)) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Drops what was thrown, which can panic once more.
fn dropped(payload: Box<dyn Any + Send>) -> Panicked {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    Panicked
}

#[cfg(test)]
mod tests {
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
        assert_eq!(contain_async::<u8>(work).await, Err(Panicked));
        assert_eq!(contain_async(async { 7 }).await, Ok(7));
    }
}
