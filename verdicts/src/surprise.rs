//! Evidence from units that are bad independently of each other, for stages with few units.
//!
//! **H0**: in a window, each unit is in a burst of its own with probability at most 0.5 % (and may then do anything),
//! independently of other units; every other unit has the rate of one common level, which may change at any time
//! and by any amount: an incident of both arms.
//!
//! For one common level, the capped likelihood ratio of a higher level is an e-value after division by
//! `1 + 0.005 CAP` (Huber, *A robust version of the probability ratio test*, 1965; Saha and Ramdas, *Huber-robust
//! likelihood ratio tests for composite nulls and alternatives*, 2024). Independent units multiply. Units of control
//! bet on the lower level, against the incident. The minimum over all common levels is an e-value for H0.

use crate::level::{LEVELS, Scored, without_any_tenant};
use crate::split::Split;

/// The share of time in which a unit is in a burst of its own.
const BURST: f64 = 0.005;
/// The largest likelihood ratio of one unit.
const CAP: f64 = 40.0;

fn capped(ratio: f64) -> f64 {
    ratio.min(CAP.ln()) - (1.0 + BURST * CAP).ln()
}

/// Returns the log e-value against every common level, with any single tenant left out.
pub(crate) fn against_incidents(units: &[Scored], split: Split) -> f64 {
    (0..LEVELS)
        .map(|common| {
            let treatment = units
                .iter()
                .filter(|unit| unit.is_treatment)
                .map(|unit| (unit.tenant, capped(unit.at(split.high) - unit.at(common))));
            let control: f64 = units
                .iter()
                .filter(|unit| !unit.is_treatment)
                .map(|unit| capped(unit.at(split.low) - unit.at(common)))
                .sum();
            // Half of the bet is on treatment alone, half on both arms.
            without_any_tenant(treatment) + control.max(0.0) - 2_f64.ln()
        })
        .fold(f64::INFINITY, f64::min)
}

/// Returns the log e-value against the units' own baselines, with any single tenant left out, and the level that
/// fits treatment best. Used where there is no control: an incident is then not excluded.
pub(crate) fn against_baseline(units: &[Scored]) -> f64 {
    let best = (1..LEVELS)
        .max_by(|one, other| {
            let at = |level: usize| {
                units
                    .iter()
                    .filter(|unit| unit.is_treatment)
                    .map(|unit| unit.at(level))
                    .sum::<f64>()
            };
            at(*one).total_cmp(&at(*other))
        })
        .unwrap_or(1);
    let treatment = units.iter().filter(|unit| unit.is_treatment);
    // The level is chosen among seven.
    without_any_tenant(treatment.map(|unit| (unit.tenant, capped(unit.at(best) - unit.at(0))))) - 7_f64.ln()
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
    const SPLIT: Split = Split {
        low: 0,
        high: 5,
        support: 0.0,
    };

    #[test]
    fn a_common_incident_is_no_surprise() {
        let units: Vec<_> = (0..12).map(|at| unit(at, at % 2 == 0, 10.0)).collect();
        assert!(against_incidents(&units, SPLIT) < 0.0);
    }

    #[test]
    fn six_bad_units_in_treatment_are_a_surprise() {
        let units: Vec<_> = (0..12)
            .map(|at| unit(at, at % 2 == 0, if at % 2 == 0 { 10.0 } else { 0.0 }))
            .collect();
        assert!(against_incidents(&units, SPLIT) > 10.0);
    }

    #[test]
    fn one_bad_tenant_is_no_surprise() {
        let units: Vec<_> = (0..12)
            .map(|at| unit(at, at % 2 == 0, if at == 0 { 50.0 } else { 0.0 }))
            .collect();
        assert!(against_incidents(&units, SPLIT) <= 0.0);
        assert!(against_baseline(&units) <= 0.0);
    }
}
