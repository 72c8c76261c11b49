//! The state that callers and the counting thread share.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use rules::{FlagId, Timestamp};

use super::counted::{Base, Counted, Tallies, adjust};

/// The state that callers and the thread share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) counted: Counted,
    /// The flags that the thread counts next, and the times for which.
    pub(super) wanted: BTreeMap<FlagId, Timestamp>,
}

impl Shared {
    /// Takes the flags that are counted next.
    pub(super) fn take_wanted(&mut self, max: usize) -> Vec<(FlagId, Timestamp)> {
        std::iter::from_fn(|| self.wanted.pop_first()).take(max).collect()
    }
}

/// Adds counts of a snapshot to those of the current one. They are adjusted without the lock, since the thread can be
/// interrupted for long.
pub(super) fn add(shared: &Mutex<Shared>, mut base: Base, mut tallies: Tallies) {
    while !tallies.is_empty() {
        let current = {
            let mut shared = shared.lock();
            let current = shared.counted.base_or(&base);
            if current.is_same(&base) {
                shared.counted.insert(tallies);
                return;
            }
            current
        };
        adjust(&mut tallies, &base, &current, &[]);
        base = current;
    }
}
