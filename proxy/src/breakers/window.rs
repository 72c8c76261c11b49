//! A sliding window: the requests and errors of the last 60 s, in slots of 5 s. A request counts for 55 to 60 s.

use std::sync::atomic::{AtomicU64, Ordering};

/// The length of a slot, in microseconds.
const SLOT_US: u64 = 5_000_000;
/// The slots of a window, the current one included.
const SLOTS: usize = 12;

/// A slot is its number, then its requests, then its errors.
const COUNT_BITS: u32 = 20;
const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;
const NUMBER_BITS: u32 = 24;
const MAX_NUMBER: u64 = (1 << NUMBER_BITS) - 1;

/// The counts of the last 60 s.
#[derive(Debug, Default)]
pub(super) struct Window([AtomicU64; SLOTS]);

/// The requests and errors of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct WindowCounts {
    pub(super) requests: u64,
    pub(super) errors: u64,
}

/// The counts of one slot.
#[derive(Debug, Clone, Copy)]
struct SlotCounts {
    number: u64,
    requests: u64,
    errors: u64,
}

impl SlotCounts {
    fn packed(self) -> u64 {
        (self.number << (2 * COUNT_BITS)) | (self.requests << COUNT_BITS) | self.errors
    }

    fn unpacked(packed: u64) -> Self {
        Self {
            number: packed >> (2 * COUNT_BITS),
            requests: (packed >> COUNT_BITS) & MAX_COUNT,
            errors: packed & MAX_COUNT,
        }
    }

    /// Adds a request. At the maximum both counts are halved, so that their ratio stays.
    fn add(&mut self, is_error: bool) {
        if self.requests == MAX_COUNT {
            self.requests /= 2;
            self.errors /= 2;
        }
        self.requests = self.requests.saturating_add(1);
        self.errors = self.errors.saturating_add(u64::from(is_error));
    }
}

impl Window {
    /// Counts a request that ended at `now`, in microseconds.
    pub(super) fn add(&self, now: u64, is_error: bool) {
        let number = number(now);
        let Some(slot) = usize::try_from(number)
            .ok()
            .and_then(|number| self.0.get(number % SLOTS))
        else {
            return;
        };
        // Each repetition follows a success of another thread.
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let held = SlotCounts::unpacked(held);
            let mut counts = match held.number == number {
                true => held,
                // The slot of a minute ago.
                false => SlotCounts {
                    number,
                    requests: 0,
                    errors: 0,
                },
            };
            counts.add(is_error);
            Some(counts.packed())
        });
    }

    /// Returns the counts of the 60 s before `now`.
    pub(super) fn counts(&self, now: u64) -> WindowCounts {
        let current = number(now);
        let held = self.0.iter().map(|slot| slot.load(Ordering::Relaxed));
        let recent = held
            .map(SlotCounts::unpacked)
            .filter(|slot| current.wrapping_sub(slot.number) & MAX_NUMBER < SLOTS as u64);
        recent.fold(WindowCounts::default(), |sum, slot| WindowCounts {
            requests: sum.requests.saturating_add(slot.requests),
            errors: sum.errors.saturating_add(slot.errors),
        })
    }

    /// Forgets all counts.
    pub(super) fn clear(&self) {
        self.0.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }
}

/// Returns the number of the slot at a time. It starts with 1: a slot that was never used has the number 0.
fn number(now: u64) -> u64 {
    (now / SLOT_US).wrapping_add(1) & MAX_NUMBER
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SECOND: u64 = 1_000_000;

    fn counts(requests: u64, errors: u64) -> WindowCounts {
        WindowCounts { requests, errors }
    }

    #[test]
    fn a_request_counts_for_a_minute() {
        let window = Window::default();
        window.add(2 * SECOND, true);
        window.add(30 * SECOND, false);
        assert_eq!(window.counts(54 * SECOND), counts(2, 1));
        assert_eq!(window.counts(62 * SECOND), counts(1, 0));
        assert_eq!(window.counts(95 * SECOND), counts(0, 0));
        // The slots are used again.
        for second in 60..180 {
            window.add(second * SECOND, second % 10 == 0);
        }
        assert_eq!(window.counts(179 * SECOND), counts(60, 6));
    }

    #[test]
    fn a_new_window_is_empty() {
        assert_eq!(Window::default().counts(0), counts(0, 0));
    }

    #[test]
    fn threads_count_every_request_once() {
        let window = Window::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|at| window.add(SECOND, at % 4 == 0)));
            }
        });
        assert_eq!(window.counts(SECOND), counts(40_000, 10_000));
    }

    #[test]
    fn the_largest_counts_keep_their_ratio() {
        let window = Window::default();
        (0..=MAX_COUNT).for_each(|at| window.add(SECOND, at % 2 == 0));
        let counts = window.counts(SECOND);
        assert!(counts.requests > MAX_COUNT / 2);
        assert!(counts.requests.abs_diff(counts.errors * 2) <= 4);
    }
}
