//! Lines that a log did not write, counted by reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// Reasons for dropping a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The queue had no room for it.
    QueueFull,
    /// The output failed.
    WriteFailed,
}

/// Counts the lines of one log that were not written.
#[derive(Debug, Default)]
pub struct Drops {
    queue_full: AtomicU64,
    write_failed: AtomicU64,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 2] = [Self::QueueFull, Self::WriteFailed];

    /// Returns the value of the metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::WriteFailed => "write_failed",
        }
    }
}

impl Drops {
    /// Returns the number of lines that were dropped for `reason`.
    #[must_use]
    pub fn count(&self, reason: DropReason) -> u64 {
        self.counter(reason).load(Ordering::Relaxed)
    }

    /// Returns the number of lines that were dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        DropReason::ALL.into_iter().map(|reason| self.count(reason)).sum()
    }

    pub(crate) fn add(&self, reason: DropReason) {
        self.counter(reason).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, reason: DropReason) -> &AtomicU64 {
        match reason {
            DropReason::QueueFull => &self.queue_full,
            DropReason::WriteFailed => &self.write_failed,
        }
    }
}
