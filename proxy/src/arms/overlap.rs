//! The requests that count for two planned flags.

use std::sync::atomic::{AtomicU64, Ordering};

use rules::Arm;

use super::arm_of_request::ArmsOfRequest;

/// The requests of a flag that count for another planned flag, too, since they were taken last.
#[derive(Debug)]
pub(super) struct Overlap {
    /// The index of the other flag.
    other: u16,
    requests: AtomicU64,
    treated_by_both: AtomicU64,
}

impl Overlap {
    pub(super) fn new(other: u16) -> Self {
        Self {
            other,
            requests: AtomicU64::new(0),
            treated_by_both: AtomicU64::new(0),
        }
    }

    pub(super) fn other(&self) -> u16 {
        self.other
    }

    /// Counts a request whose arm of the flag is `arm`.
    pub(super) fn count(&self, arm: Arm, arms: &ArmsOfRequest) {
        let mut others = arms.iter().filter(|of_flag| of_flag.flag == self.other);
        let Some(other) = others.next() else { return };
        let is_treated = |arm| matches!(arm, Arm::Treatment | Arm::OptedIn);
        let is_compared = |arm| is_treated(arm) || arm == Arm::Control;
        if is_compared(arm) && is_compared(other.arm) {
            self.requests.fetch_add(1, Ordering::Relaxed);
            if is_treated(arm) && is_treated(other.arm) {
                self.treated_by_both.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns the requests, and those that are treated for both, and begins anew.
    pub(super) fn take(&self) -> (u64, u64) {
        (
            self.requests.swap(0, Ordering::Relaxed),
            self.treated_by_both.swap(0, Ordering::Relaxed),
        )
    }
}
