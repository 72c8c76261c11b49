//! Clocks of a controller of rollouts that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use control::{ClockReading, Clocks};
use rules::Timestamp;

/// A system clock and a monotonic clock that a test sets, in milliseconds.
#[derive(Debug, Default)]
pub struct SetClocks {
    system: AtomicI64,
    monotonic: AtomicI64,
}

impl SetClocks {
    /// Creates clocks that show these times.
    #[must_use]
    pub fn new(system: i64, monotonic: i64) -> Arc<Self> {
        let clocks = Arc::new(Self::default());
        clocks.set(system, monotonic);
        clocks
    }

    /// Sets both clocks.
    pub fn set(&self, system: i64, monotonic: i64) {
        self.system.store(system, Ordering::Relaxed);
        self.monotonic.store(monotonic, Ordering::Relaxed);
    }

    /// Returns the function that reads the clocks.
    #[must_use]
    pub fn read(self: &Arc<Self>) -> Clocks {
        let clocks = Arc::clone(self);
        Arc::new(move || ClockReading {
            system: Timestamp(clocks.system.load(Ordering::Relaxed)),
            monotonic: Duration::from_millis(clocks.monotonic.load(Ordering::Relaxed).unsigned_abs()),
        })
    }
}
