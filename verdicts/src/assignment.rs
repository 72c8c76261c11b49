//! Evidence from the random assignment alone.
//!
//! **H0** (bounded null): the flag makes no unit worse. The outcome of a unit, a whole course of counts, is then the
//! same in either arm (or better in treatment), however bursty it is, and however incidents hit groups of units.
//! Only the assignment is random: each unit of the stage's own audience is in treatment with probability `share`,
//! by its hash.
//!
//! For any function `L` of the outcomes, the product over units of `L / (1 - share + share L)` for a unit in
//! treatment, and of `1 / (1 - share + share L)` for a unit in control, has the expectation 1 over the assignments:
//! it is an e-value. Its factor is the probability of the assignment if treatment is the worse group, relative to
//! its probability under H0. If treatment improves units, `L` falls for them and with it the e-value (Caughey, Dafoe,
//! Li and Miratrix, *Randomization inference beyond the sharp null*, 2021). Here `L` is a likelihood ratio of two
//! levels of badness.
//!
//! The factor of a unit is at most `1 / share` in treatment and `1 / (1 - share)` in control: with few units the
//! evidence is small, whatever they show. No method can do better without an assumption on incidents that hit some
//! units only; [`surprise`](crate::surprise) makes one.

use crate::level::{Scored, without_any_tenant};
use crate::split::Split;

/// The most that one unit can weigh in either direction, in nats.
const CAP: f64 = 6.0;

/// Returns the log e-value of one window that holds with any single tenant left out.
pub(crate) fn evidence(units: &[Scored], split: Split, share: f64) -> f64 {
    without_any_tenant(units.iter().map(|unit| {
        let ratio = (unit.at(split.high) - unit.at(split.low)).clamp(-CAP, CAP);
        let expected = (1.0 - share + share * ratio.exp()).ln();
        let factor = if unit.is_treatment {
            ratio - expected
        } else {
            -expected
        };
        (unit.tenant, factor)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Rates, Shape};

    fn unit(tenant: u32, is_treatment: bool, bad: f64) -> Scored {
        Scored {
            tenant,
            is_treatment,
            at: Rates::new(Shape::Added, 0.005).likelihoods(50.0, bad),
        }
    }

    /// The e-value averages to 1 over all assignments of any outcomes.
    #[test]
    fn the_mean_over_assignments_is_one() {
        let outcomes = [0.0, 3.0, 12.0, 0.0, 50.0, 1.0, 7.0, 0.0];
        let split = Split {
            low: 0,
            high: 4,
            support: 0.0,
        };
        for share in [0.05_f64, 0.25, 0.5, 0.9] {
            let mut mean = 0.0;
            for assignment in 0_u32..1 << outcomes.len() {
                let mut probability = 1.0;
                let mut log = 0.0;
                for (at, bad) in outcomes.iter().enumerate() {
                    let is_treatment = assignment >> at & 1 == 1;
                    probability *= if is_treatment { share } else { 1.0 - share };
                    // Two units of one tenant with opposite signs keep the reduction by one tenant out of the sum.
                    let one = unit(0, is_treatment, *bad);
                    let ratio = (one.at(4) - one.at(0)).clamp(-CAP, CAP);
                    let expected = (1.0 - share + share * ratio.exp()).ln();
                    log += if is_treatment { ratio - expected } else { -expected };
                }
                mean += probability * log.exp();
            }
            assert!((mean - 1.0).abs() < 1e-9, "{share}: {mean}");
        }
        assert!(evidence(&[unit(0, true, 50.0)], split, 0.5) <= 0.0);
    }

    #[test]
    fn an_incident_of_both_arms_is_no_evidence() {
        let units: Vec<_> = (0..40).map(|at| unit(at, at % 2 == 0, 20.0)).collect();
        let split = Split {
            low: 0,
            high: 6,
            support: 0.0,
        };
        assert!(evidence(&units, split, 0.5) < -10.0);
    }

    #[test]
    fn a_harm_of_treatment_is_evidence() {
        let units: Vec<_> = (0..20)
            .map(|at| unit(at, at % 2 == 0, if at % 2 == 0 { 8.0 } else { 0.0 }))
            .collect();
        let split = Split {
            low: 0,
            high: 5,
            support: 0.0,
        };
        let evidence = evidence(&units, split, 0.5);
        assert!((12.0..19.0 * 2_f64.ln()).contains(&evidence), "{evidence}");
    }
}
