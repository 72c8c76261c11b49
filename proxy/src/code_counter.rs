//! A counter by code, for codes that are fixed texts of the program: counting takes no lock.

use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec};

/// Most codes of one counter; the ones met after that are counted as `other`.
pub const MAX_CODES: usize = 48;

/// Counts by code. Codes come from the program, never from a request, and each is registered when first met.
#[derive(Debug)]
pub struct CodeCounter {
    family: IntCounterVec,
    // Filled from the front and never emptied, so a scan sees every code that any thread has registered.
    cells: [OnceLock<(&'static str, IntCounter)>; MAX_CODES],
}

impl CodeCounter {
    /// Counts into `family`, which has one label.
    pub(crate) fn new(family: IntCounterVec) -> Self {
        Self {
            family,
            cells: [const { OnceLock::new() }; MAX_CODES],
        }
    }

    /// Counts `code` once.
    pub fn count(&self, code: &'static str) {
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
