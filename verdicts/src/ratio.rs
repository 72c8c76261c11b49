//! Sample ratio mismatch: the share of subjects in treatment against the stage's percentage.
//!
//! **H0**: each subject, counted once at its first request in the stage, is in treatment with probability `share`,
//! independently. The Bayes factor of a Beta mixture is a martingale under H0; it is two-sided and anytime-valid
//! (Lindon and Malek, *Anytime-valid inference for multinomial count data*, 2022, section 3).

use serde::{Deserialize, Serialize};

use crate::slot::Arm;

/// With fewer subjects nothing is tested.
pub const MIN_SUBJECTS: u64 = 50;
/// The probability that a stage without a mismatch ever reports one. No plan fails by it.
const ALPHA: f64 = 0.001;
/// The weight of the mixture's centre, in subjects.
const CENTRE: f64 = 100.0;

/// The subjects of a stage by arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleRatio {
    /// Subjects in treatment.
    pub treatment: u64,
    /// Subjects in control.
    pub control: u64,
    /// The natural logarithm of the e-value.
    pub log_evidence: f64,
    is_mismatch: bool,
}

impl SampleRatio {
    pub(crate) fn count(&mut self, arm: Arm, share: f64) {
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000 subjects")]
        let (treatment, control) = (self.treatment as f64, self.control as f64);
        let predicted = (CENTRE * share + treatment) / (CENTRE + treatment + control);
        match arm {
            Arm::Treatment => {
                self.log_evidence += (predicted / share).ln();
                self.treatment += 1;
            }
            Arm::Control => {
                self.log_evidence += ((1.0 - predicted) / (1.0 - share)).ln();
                self.control += 1;
            }
        }
        let is_tested = self.treatment + self.control >= MIN_SUBJECTS;
        self.is_mismatch |= is_tested && self.log_evidence >= -ALPHA.ln();
    }

    /// Returns whether the evidence ever reached 1,000.
    pub fn is_mismatch(&self) -> bool {
        self.is_mismatch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Subjects that come evenly mixed.
    fn after(treatment: u32, control: u32, share: f64) -> SampleRatio {
        let mut ratio = SampleRatio::default();
        let all = treatment + control;
        for at in 0..all {
            let is_treatment = (at + 1) * treatment / all > at * treatment / all;
            ratio.count(
                if is_treatment {
                    Arm::Treatment
                } else {
                    Arm::Control
                },
                share,
            );
        }
        ratio
    }

    #[test]
    fn the_expected_share_is_no_mismatch() {
        assert!(!after(500, 500, 0.5).is_mismatch());
        assert!(!after(50, 950, 0.05).is_mismatch());
    }

    #[test]
    fn a_mismatch_is_found_on_both_sides() {
        assert!(after(300, 500, 0.5).is_mismatch());
        assert!(after(500, 300, 0.5).is_mismatch());
    }

    #[test]
    fn few_subjects_are_not_tested() {
        assert!(!after(30, 0, 0.5).is_mismatch());
        assert!(after(60, 0, 0.5).is_mismatch());
    }
}
