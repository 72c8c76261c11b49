//! A counter with one label whose values are constants of the program. Counting takes no lock.

use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec};

/// Maximum of codes of a counter. Further codes are counted as `other`.
pub(crate) const MAX_CODES: usize = 96;

/// A counter by code. Codes are constants, never data of a request. Each is registered on first use.
#[derive(Debug)]
pub(crate) struct CodeCounter {
    family: IntCounterVec,
    // Filled from the front and never emptied, so a scan finds every registered code before an empty cell.
    cells: [OnceLock<(&'static str, IntCounter)>; MAX_CODES],
}

impl CodeCounter {
    /// Creates a counter for `family`, which has one label.
    pub(crate) fn new(family: IntCounterVec) -> Self {
        Self {
            family,
            cells: [const { OnceLock::new() }; MAX_CODES],
        }
    }

    /// Counts `code` once.
    pub(crate) fn count(&self, code: &'static str) {
        for cell in &self.cells {
            let (known, counter) = cell.get_or_init(|| (code, self.family.with_label_values(&[code])));
            if *known == code {
                counter.inc();
                return;
            }
        }
        self.family.with_label_values(&["other"]).inc();
    }
}

#[cfg(test)]
mod tests;
