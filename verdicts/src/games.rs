//! The price of looking often.
//!
//! Each window that is tested is a game with its own e-value. The evidence of the `j`-th game of a stage is multiplied
//! by a weight `w(j)`; the weights sum to at most 1. By Markov's inequality and the union bound, the probability that
//! any game ever reaches `1 / (alpha w(j))` is at most `alpha`, whatever the dependence between the games. A union is
//! needed: the games share one assignment, and e-values of different filtrations cannot be multiplied or averaged
//! (Choe and Ramdas, *Combining evidence across filtrations*, 2023).
//!
//! The number `j` depends on the outcomes and not on the arms. Within a disturbance a further game is opened only when
//! the outcomes look clearly more like two groups than at the last one, or after twice the time, so that an incident
//! costs a few games and not hundreds.

use serde::{Deserialize, Serialize};

use crate::windows::{BLOCKS, SCALES};

/// The support for two groups, in nats, from which a game is opened. With less, no evidence can reach the threshold.
pub(crate) const SUPPORT: f64 = 8.0;
/// The growth of the support after which a further game is opened.
const GROWTH: f64 = 1.25;
/// A disturbance has ended if a window had no support for this many slots, and the length of its block.
const QUIET: u64 = 12;
/// 1 / sum of 1 / ((j + 3) ln^2 (j + 3)) is at least this.
const NORMALISER: f64 = 0.84;

/// The current disturbance in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Disturbance {
    /// The first and the last slot with support.
    since: u64,
    last: u64,
    /// The slot of the last game of any window, and this window's support then.
    opened: u64,
    support: f64,
}

/// The games of one check in one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Games {
    opened: u64,
    /// By window: the current slot alone, then each scale.
    disturbances: [Disturbance; SCALES + 1],
}

impl Games {
    /// Takes the support of the windows that were looked at in a slot, chooses the window to open a game on, and
    /// returns its place in `looks` with the price: what its log-evidence loses.
    pub(crate) fn open(&mut self, slot: u64, looks: &[(usize, f64)]) -> Option<(usize, f64)> {
        let mut found: Option<(usize, f64)> = None;
        for (at, (window, support)) in looks.iter().enumerate() {
            let block = window
                .checked_sub(1)
                .and_then(|scale| BLOCKS.get(scale))
                .copied()
                .unwrap_or(1);
            let Some(held) = self.disturbances.get_mut(*window) else {
                continue;
            };
            if *support < SUPPORT {
                continue;
            }
            if held.last + QUIET + block < slot {
                *held = Disturbance {
                    since: slot,
                    ..Disturbance::default()
                };
            }
            held.last = slot;
            let is_grown = *support >= held.support * GROWTH;
            let is_later = slot >= held.opened + (held.opened.saturating_sub(held.since)).max(QUIET);
            if (is_grown || is_later) && found.is_none_or(|(_, best)| *support > best) {
                found = Some((at, *support));
            }
        }
        let (at, _) = found?;
        for (window, support) in looks {
            if let Some(held) = self.disturbances.get_mut(*window)
                && *support >= SUPPORT
            {
                held.opened = slot;
                held.support = support.max(held.support);
            }
        }
        let price = price(self.opened);
        self.opened = self.opened.saturating_add(1);
        Some((at, price))
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
            let _ = games.open(slot, &[(0, 9.0), (1, 10.0), (2, 9.5)]);
        }
        assert!(games.opened <= 8, "{}", games.opened);
    }

    #[test]
    fn a_new_disturbance_opens_a_game_at_once() {
        let mut games = Games::default();
        assert!(games.open(1000, &[(1, 20.0)]).is_some());
        assert!(games.open(1001, &[(1, 21.0)]).is_none());
        assert!(games.open(1002, &[(1, 30.0)]).is_some());
        assert!(games.open(1100, &[(1, 9.0)]).is_some());
        assert!(games.open(1101, &[(1, 7.9)]).is_none());
    }
}
