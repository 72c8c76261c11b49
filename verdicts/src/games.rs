//! The price of looking often.
//!
//! Each window that is tested is a game with its own e-value. The evidence of the `j`-th game of a stage is multiplied
//! by a weight `w(j)`; the weights sum to at most 1. By Ville's inequality and the union bound, the probability that
//! any game ever reaches `1 / (alpha w(j))` is at most `alpha`, whatever the dependence between the games. A union is
//! needed: the games share one assignment, and e-values of different filtrations cannot be multiplied or averaged
//! (Choe and Ramdas, *Combining evidence across filtrations*, 2023).
//!
//! The number `j` depends on the outcomes and not on the arms. During a long disturbance games are opened at ages
//! that grow by a quarter, so that an incident costs tens of games and not hundreds.

use serde::{Deserialize, Serialize};

use crate::windows::{BLOCKS, SCALES};

/// The support for two groups, in nats, from which a game is opened.
pub(crate) const SUPPORT: f64 = 3.0;
/// A disturbance has ended if no game was opened for this many slots, and the length of a block, after it could.
const QUIET: u64 = 12;
/// 1 / sum of 1 / ((j + 3) ln^2 (j + 3)) is at least this.
const NORMALISER: f64 = 0.84;

/// The disturbance at one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Disturbance {
    since: u64,
    /// The first slot in which a game may be opened again.
    next: u64,
}

/// The games of one check in one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Games {
    opened: u64,
    /// By window: the current slot alone, then each scale.
    disturbances: [Disturbance; SCALES + 1],
}

impl Games {
    /// Returns whether a game may be opened on a window in this slot.
    pub(crate) fn is_due(&self, window: usize, slot: u64) -> bool {
        self.disturbances
            .get(window)
            .is_some_and(|held| held.next <= slot)
    }

    /// Opens a game and returns its weight as a price: what its log-evidence loses.
    pub(crate) fn open(&mut self, window: usize, slot: u64) -> f64 {
        let block = window
            .checked_sub(1)
            .and_then(|scale| BLOCKS.get(scale))
            .copied()
            .unwrap_or(1);
        if let Some(held) = self.disturbances.get_mut(window) {
            if held.next == 0 || held.next + QUIET + block < slot {
                held.since = slot;
            }
            held.next = slot + ((slot - held.since) / 4).max(block / 4).max(1);
        }
        let price = price(self.opened);
        self.opened = self.opened.saturating_add(1);
        price
    }
}

/// Returns `ln (1 / w(j))`.
pub(crate) fn price(opened: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the price grows with the logarithm")]
    let at = opened as f64 + 3.0;
    at.ln() + 2.0 * at.ln().ln() - NORMALISER.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_at_most_one() {
        let sum: f64 = (0..10_000_000).map(|opened| (-price(opened)).exp()).sum();
        // The rest of the sum, from n on, is below 0.84 / ln n.
        let rest = 0.84 / 10_000_000_f64.ln();
        assert!(sum + rest <= 1.0, "{sum} {rest}");
    }

    #[test]
    fn a_long_disturbance_opens_few_games() {
        let mut games = Games::default();
        for slot in 1000..1000 + 720 {
            if games.is_due(0, slot) {
                games.open(0, slot);
            }
        }
        assert!(games.opened < 35, "{}", games.opened);
    }
}
