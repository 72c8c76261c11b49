//! The limits of a queue, and the lines and bytes in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The limits of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum of queued lines.
    pub lines: usize,
    /// Maximum of queued bytes.
    pub bytes: usize,
    /// Longest pause of the writing thread after a write, in which lines gather for the next one. Zero: the thread is
    /// woken for each line.
    pub pause: Duration,
}

/// Counts the lines and bytes in a queue, and the item that is being written.
#[derive(Debug)]
pub(crate) struct Fill {
    limits: Limits,
    lines: AtomicUsize,
    bytes: AtomicUsize,
}

/// The state of a queue after an item was counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fullness {
    /// The item made no difference.
    Unchanged,
    /// The item filled the first half of the lines or of the bytes.
    HalfReached,
}

impl Fill {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lines: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Counts an item in, before it is queued, so that the writer never gives back what was not taken. Returns `None`
    /// if its bytes do not fit. Lines are limited by the channel.
    pub(crate) fn reserve(&self, size: usize) -> Option<Fullness> {
        // Adds before it compares: of two callers, both can't take the last room.
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        let after = before.saturating_add(size);
        if after > self.limits.bytes {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return None;
        }
        let lines = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        let half = self.limits.bytes / 2;
        // Exactly one of concurrent callers sees each of the two.
        let is_half = lines == self.limits.lines.div_ceil(2) || (before < half && after >= half);
        Some(if is_half {
            Fullness::HalfReached
        } else {
            Fullness::Unchanged
        })
    }

    /// Counts an item out.
    pub(crate) fn release(&self, size: usize) {
        self.bytes.fetch_sub(size, Ordering::Relaxed);
        self.lines.fetch_sub(1, Ordering::Relaxed);
    }
}
