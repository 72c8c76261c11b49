//! Waiting for what other threads bring about, without a test ever choosing how long that takes.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: far more than it ever needs.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// The first `Some` that `look` returns; panics with `what` when there is none in time.
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

/// Panics with `what` if `look` says true within a short while, for things that must not come about.
pub fn never(what: &str, mut look: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(200) {
        assert!(!look(), "must not come about: {what}");
        thread::sleep(PAUSE);
    }
}
