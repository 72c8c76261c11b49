//! Polling for the effects of other threads, with one timeout for all tests.

use std::thread;
use std::time::{Duration, Instant};

/// The time after which a test gives up: far more than anything needs.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The polling interval.
const PAUSE: Duration = Duration::from_millis(5);

/// Polls `look` until it returns `Some`, and returns that value.
///
/// # Panics
/// With `what`, if there is none within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "gave up after {PATIENCE:?} waiting for: {what}"
        );
        thread::sleep(PAUSE);
    }
}

/// Checks that `look` returns false for 200 ms.
///
/// # Panics
/// With `what`, if it returns true.
pub fn never(what: &str, mut look: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(200) {
        assert!(!look(), "must not come about: {what}");
        thread::sleep(PAUSE);
    }
}
