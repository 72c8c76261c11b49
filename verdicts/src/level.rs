//! The likelihood of a unit's counts at each of a few levels of badness, relative to the unit's own baseline.
//!
//! Level 0 is the baseline. A higher level is an incident or a harm of a given size. The levels only shape the bets:
//! a poor fit costs power, never validity.

use serde::{Deserialize, Serialize};

pub(crate) const LEVELS: usize = 8;
/// The shares of requests that become bad at each level, added to the baseline.
const ADDED: [f64; LEVELS] = [0.0, 0.004, 0.01, 0.025, 0.06, 0.15, 0.35, 0.8];
/// The factors on the odds of a bad request at each level.
const ODDS: [f64; LEVELS] = [1.0, 1.22, 1.5, 2.0, 3.0, 6.0, 15.0, 80.0];
/// The smallest rate that a unit's baseline can have. A day without an error does not prove a rate of zero.
const SMALLEST: f64 = 0.002;
const LARGEST: f64 = 0.98;
/// The most that one unit can weigh against a level, in nats.
const FLOOR: f64 = -8.0;

/// The shape of a harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// A share of requests becomes bad, for every unit alike: errors.
    Added,
    /// The odds of a bad request grow by a factor: latencies.
    Odds,
}

impl Shape {
    fn rate(self, base: f64, level: usize) -> f64 {
        let base = base.clamp(SMALLEST, LARGEST);
        let rate = match self {
            Self::Added => base + (1.0 - base) * ADDED.get(level).copied().unwrap_or(0.0),
            Self::Odds => {
                let odds = ODDS.get(level).copied().unwrap_or(1.0) * base / (1.0 - base);
                odds / (1.0 + odds)
            }
        };
        rate.min(LARGEST)
    }
}

/// The logarithms of the rates of bad and good requests of one unit at each level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rates([(f64, f64); LEVELS]);

impl Rates {
    pub(crate) fn new(shape: Shape, base: f64) -> Self {
        Self(std::array::from_fn(|level| {
            let rate = shape.rate(base, level);
            (rate.ln(), (1.0 - rate).ln())
        }))
    }

    /// Returns the log-likelihoods of the counts at each level, relative to the best level, and at least -8.
    pub(crate) fn likelihoods(&self, requests: f64, bad: f64) -> [f64; LEVELS] {
        let good = requests - bad;
        let mut at = self.0.map(|(ln_bad, ln_good)| bad * ln_bad + good * ln_good);
        let best = at.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for one in &mut at {
            *one = (*one - best).max(FLOOR);
        }
        at
    }
}

/// One unit in one window.
#[derive(Clone, Debug)]
pub(crate) struct Scored {
    pub(crate) tenant: u32,
    pub(crate) is_treatment: bool,
    /// Log-likelihoods by level.
    pub(crate) at: [f64; LEVELS],
}

impl Scored {
    pub(crate) fn at(&self, level: usize) -> f64 {
        self.at.get(level).copied().unwrap_or(FLOOR)
    }
}

/// Returns the sum of the contributions, reduced to what holds with any single tenant left out.
///
/// The contributions are pairs of tenant and log-evidence.
pub(crate) fn without_any_tenant(contributions: impl Iterator<Item = (u32, f64)>) -> f64 {
    let mut by_tenant: Vec<f64> = Vec::new();
    let mut sum = 0.0;
    for (tenant, evidence) in contributions {
        let at = tenant as usize;
        if by_tenant.len() <= at {
            by_tenant.resize(at + 1, 0.0);
        }
        if let Some(held) = by_tenant.get_mut(at) {
            *held += evidence;
        }
        sum += evidence;
    }
    sum - by_tenant.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_holds_without_any_tenant() {
        let evidence = [(0, 5.0), (1, 2.0), (0, 1.0), (2, -1.0)];
        assert!((without_any_tenant(evidence.into_iter()) - 1.0).abs() < 1e-12);
        assert!(without_any_tenant([(7, 9.0)].into_iter()).abs() < 1e-12);
    }

    #[test]
    fn the_likeliest_level_fits_the_counts() {
        let rates = Rates::new(Shape::Added, 0.005);
        let best = |requests: f64, bad: f64| {
            let at = rates.likelihoods(requests, bad);
            at.iter().position(|one| *one == 0.0).unwrap()
        };
        assert_eq!(best(1000.0, 3.0), 0);
        assert_eq!(best(1000.0, 160.0), 5);
        assert_eq!(best(20.0, 20.0), 7);
    }
}
