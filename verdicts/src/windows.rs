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

/// The blocks of all scales, of any number of units. A column for each scale: closing a slot touches few.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Windows<S> {
    growing: [Vec<S>; SCALES],
    complete: [Vec<S>; SCALES],
}

impl<S: Sum> Windows<S> {
    pub(crate) fn new(units: usize) -> Self {
        let column = || std::array::from_fn(|_| vec![S::default(); units]);
        Self {
            growing: column(),
            complete: column(),
        }
    }

    pub(crate) fn add_unit(&mut self) {
        self.growing
            .iter_mut()
            .chain(&mut self.complete)
            .for_each(|column| column.push(S::default()));
    }

    pub(crate) fn add(&mut self, unit: usize, sum: S) {
        let [first, ..] = &mut self.growing;
        if let Some(held) = first.get_mut(unit) {
            *held = held.plus(sum);
        }
    }

    /// Closes slot `number`: blocks that end with it become complete.
    pub(crate) fn close(&mut self, number: u64) {
        let ends = |block: &u64| (number + 1).is_multiple_of(*block);
        let ended = BLOCKS.iter().take_while(|block| ends(block)).count();
        for scale in 0..ended {
            let (done, rest) = self.growing.split_at_mut(scale + 1);
            let Some(done) = done.last_mut() else { return };
            if let Some(next) = rest.first_mut() {
                next.iter_mut()
                    .zip(&*done)
                    .for_each(|(next, done)| *next = next.plus(*done));
            }
            if let Some(complete) = self.complete.get_mut(scale) {
                std::mem::swap(complete, done);
            }
            done.fill(S::default());
        }
    }

    /// Returns a unit's window of a scale, or its slot that is not closed yet.
    pub(crate) fn window(&self, scale: Option<usize>, unit: usize) -> S {
        let growing = self.growing.iter().take(scale.map_or(1, |scale| scale + 1));
        let growing = growing.fold(S::default(), |sum, column| {
            sum.plus(column.get(unit).copied().unwrap_or_default())
        });
        scale.map_or(growing, |scale| growing.plus(self.block(scale, unit)))
    }

    /// Returns a unit's last complete block of a scale.
    pub(crate) fn block(&self, scale: usize, unit: usize) -> S {
        self.complete
            .get(scale)
            .and_then(|column| column.get(unit))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_covers_one_to_two_blocks() {
        let mut windows = Windows::<Count>::new(1);
        for slot in 0..5000_u64 {
            windows.add(0, Count(1, 0));
            for (scale, block) in BLOCKS.iter().enumerate() {
                let seen = u64::from(windows.window(Some(scale), 0).0);
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
