//! Sums over the last 5 seconds, 10 seconds, and so on up to a day, in constant memory.
//!
//! Each scale has a complete block and a growing one. A window is both, so it covers between one and two blocks.

use serde::{Deserialize, Serialize};

/// The lengths of the blocks, in slots. Each is a multiple of the one before.
pub(crate) const BLOCKS: [u64; SCALES] = [1, 2, 4, 8, 16, 32, 64, 128, 512, 2048, 8192];
pub(crate) const SCALES: usize = 11;
/// The index of a block of about five minutes.
pub(crate) const FIVE_MINUTES: usize = 6;

/// A pair of sums: the requests that count, and those that are bad (an error, or above a latency).
pub(crate) trait Sum: Copy + Default {
    fn plus(self, other: Self) -> Self;
}

/// The sums of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count(pub(crate) u32, pub(crate) u32);

impl Sum for Count {
    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0), self.1.saturating_add(other.1))
    }
}

/// The sums of all units: the bad requests that their baselines predict, and those that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pooled(pub(crate) f64, pub(crate) f64);

impl Sum for Pooled {
    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }
}

/// The blocks of all scales.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Windows<S> {
    growing: [S; SCALES],
    complete: [S; SCALES],
}

impl<S: Sum> Default for Windows<S> {
    fn default() -> Self {
        Self {
            growing: [S::default(); SCALES],
            complete: [S::default(); SCALES],
        }
    }
}

impl<S: Sum> Windows<S> {
    pub(crate) fn add(&mut self, sum: S) {
        let [first, ..] = &mut self.growing;
        *first = first.plus(sum);
    }

    /// Closes slot `number`: blocks that end with it become complete.
    pub(crate) fn close(&mut self, number: u64) {
        let mut carry = S::default();
        for ((block, growing), complete) in BLOCKS.iter().zip(&mut self.growing).zip(&mut self.complete) {
            *growing = growing.plus(carry);
            if !(number + 1).is_multiple_of(*block) {
                return;
            }
            carry = *growing;
            *complete = *growing;
            *growing = S::default();
        }
    }

    /// Returns the slot that is not closed yet.
    pub(crate) fn slot(&self) -> S {
        let [first, ..] = self.growing;
        first
    }

    /// Returns the window of a scale, with the slot that is not closed yet.
    pub(crate) fn window(&self, scale: usize) -> S {
        let growing = self
            .growing
            .iter()
            .take(scale + 1)
            .fold(S::default(), |sum, part| sum.plus(*part));
        growing.plus(self.block(scale))
    }

    /// Returns the last complete block of a scale.
    pub(crate) fn block(&self, scale: usize) -> S {
        self.complete.get(scale).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_covers_one_to_two_blocks() {
        let mut windows = Windows::<Count>::default();
        for slot in 0..5000_u64 {
            windows.add(Count(1, 0));
            for (scale, block) in BLOCKS.iter().enumerate() {
                let seen = u64::from(windows.window(scale).0);
                let in_block = (slot + 1) % block;
                let complete = if slot + 1 >= *block { *block } else { 0 };
                let expected = if in_block == 0 && slot + 1 >= *block {
                    block + if slot + 1 > *block { *block } else { 0 }
                } else {
                    in_block + complete
                };
                assert_eq!(seen, expected.min(slot + 1), "slot {slot}, scale {scale}");
            }
            windows.close(slot);
        }
    }
}
