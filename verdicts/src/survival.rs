//! Evidence from a disturbance that does not end, for stages without a control arm.
//!
//! **H0**: every disturbance that the flag did not cause ends before the next block of five minutes with probability
//! at least one half, given that it has lasted until now. The evidence starts at 1 in the first disturbed block,
//! doubles with each further one, and is 0 when the disturbance ends. Each disturbance is a game with its own weight.

use serde::{Deserialize, Serialize};

use crate::games::price;

/// The disturbances of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Survival {
    disturbances: u64,
    blocks: u32,
}

impl Survival {
    /// Takes a complete block, and returns the log-evidence after its price.
    pub(crate) fn block(&mut self, is_disturbed: bool) -> f64 {
        if !is_disturbed {
            self.blocks = 0;
            return 0.0;
        }
        if self.blocks == 0 {
            self.disturbances += 1;
        }
        self.blocks += 1;
        f64::from(self.blocks - 1) * 2_f64.ln() - price(self.disturbances - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_disturbance_that_lasts_is_evidence() {
        let needed = 3200_f64.ln();
        let mut survival = Survival::default();
        for _ in 0..20 {
            for _ in 0..5 {
                assert!(survival.block(true) < needed);
            }
            survival.block(false);
        }
        let mut survival = Survival::default();
        let blocks = (1..).find(|_| survival.block(true) >= needed).unwrap();
        assert_eq!(blocks, 15);
    }
}
