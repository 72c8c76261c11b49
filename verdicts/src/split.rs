//! The search for two groups of units, without a look at their arms.
//!
//! A test is worth its cost only if the units look like two groups, one at a higher level than the other. The search
//! sees the outcomes and never the arms, so its result cannot carry evidence by itself, and a test that it opens
//! stays valid. Tarone (1990) uses the same idea: do not pay for tests that cannot succeed.

use crate::level::{LEVELS, Scored};

/// The levels of the two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) low: usize,
    pub(crate) high: usize,
    /// The log-likelihood of two groups relative to one group at its best level.
    pub(crate) support: f64,
}

/// Multiplied likelihoods are turned into a logarithm at least this often. 32 factors of e^-8 do not underflow.
const CHUNK: usize = 32;

/// Finds the two levels that fit best if `share` of the units are at the higher one.
pub(crate) fn find(units: &[Scored], share: f64) -> Split {
    let factors: Vec<[f64; LEVELS]> = units.iter().map(|unit| unit.at.map(f64::exp)).collect();
    let one_group = (0..LEVELS)
        .map(|level| units.iter().map(|unit| unit.at(level)).sum::<f64>())
        .fold(f64::NEG_INFINITY, f64::max);
    let mut found = Split {
        low: 0,
        high: 1,
        support: f64::NEG_INFINITY,
    };
    for high in 1..LEVELS {
        for low in 0..high {
            let support = likelihood(&factors, low, high, share) - one_group;
            if support > found.support {
                found = Split { low, high, support };
            }
        }
    }
    found
}

fn likelihood(factors: &[[f64; LEVELS]], low: usize, high: usize, share: f64) -> f64 {
    factors
        .chunks(CHUNK)
        .map(|chunk| {
            let product = chunk.iter().fold(1.0, |product, unit| {
                let at = |level: usize| unit.get(level).copied().unwrap_or(0.0);
                product * ((1.0 - share) * at(low) + share * at(high))
            });
            f64::ln(product)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Rates, Shape};

    fn units(bad: &[f64]) -> Vec<Scored> {
        let rates = Rates::new(Shape::Added, 0.005);
        bad.iter()
            .map(|bad| Scored {
                tenant: 0,
                is_treatment: false,
                at: rates.likelihoods(100.0, *bad),
            })
            .collect()
    }

    #[test]
    fn healthy_units_are_one_group() {
        assert!(find(&units(&[0.0, 1.0, 0.0, 0.0, 2.0, 0.0]), 0.5).support < 0.0);
    }

    #[test]
    fn an_incident_of_all_units_is_one_group() {
        assert!(find(&units(&[40.0, 30.0, 35.0, 38.0, 33.0, 41.0]), 0.5).support < 0.0);
    }

    #[test]
    fn a_harm_of_some_units_is_two_groups() {
        let split = find(&units(&[20.0, 0.0, 15.0, 1.0, 16.0, 0.0]), 0.5);
        assert!(split.support > 3.0, "{split:?}");
        assert_eq!((split.low, split.high), (0, 5));
    }
}
