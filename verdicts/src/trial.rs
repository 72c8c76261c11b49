//! The statistical state of one check in one stage.
//!
//! After each slot the trial looks at the windows that are due. If the outcomes of one look like two groups of units
//! ([`split`]), it opens a game on it ([`games`](crate::games)). The evidence of the game is that of the
//! assignment alone, or, if at least [`WEAK`] comes from there, that of the assumption of independent bursts. An
//! absolute check needs evidence against its bound as well. Every part holds with any single tenant left out.

use serde::{Deserialize, Serialize};

use crate::{
    assignment, bound,
    check::{Check, StageConfig},
    games::Games,
    histogram::Histogram,
    level::{Rates, Scored},
    measure::{Measure, is_conspicuous},
    roster::Roster,
    slot::{Arm, UnitCount},
    split, surprise,
    survival::Survival,
    windows::{BLOCKS, Count, FIVE_MINUTES, Pooled, SCALES, Sum, Windows},
};

/// The evidence of the assignment, in nats, with which independent bursts may decide: an e-value of 100.
const WEAK: f64 = 4.6;
/// The evidence of a disturbed block of five minutes: an e-value of 20.
const DISTURBED: f64 = 3.0;
/// A disturbance that begins within this many slots after the stage was entered (5 minutes) is attributed to the
/// stage if there is no control.
const ONSET: u64 = 60;
/// The block, in slots, from which windows are looked at even if the pooled counts are inconspicuous.
const LONG: u64 = 32;
/// Errors of more than this share of the requests are a complete failure, which is attributed to the flag also without
/// control. An incident that is worse than that stops the plan, too.
const COMPLETE: f64 = 0.85;
/// An evidence of 10 blocks pass for ten minutes.
const ELEVATED: f64 = std::f64::consts::LN_10;

/// Returns the evidence of the best look, less the price of its game; 0 if none is opened.
fn played(games: &mut Games, slot: u64, looks: &[(usize, f64)]) -> f64 {
    let Some((at, price)) = games.open(slot, looks) else {
        return 0.0;
    };
    looks
        .get(at)
        .map_or(0.0, |(_, evidence)| (evidence - price).max(0.0))
}

/// The sums of both arms above the quantile of a comparison of latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tail {
    treatment: Pooled,
    control: Pooled,
}

impl Sum for Tail {
    fn plus(self, other: Self) -> Self {
        Self {
            treatment: self.treatment.plus(other.treatment),
            control: self.control.plus(other.control),
        }
    }
}

/// Returns the quantile at which a comparison of latencies cuts to gather evidence: four times as many requests are
/// above it. Answers that take a third longer move twice as much information across that cut as across the quantile
/// itself. A failure needs treatment to be worse at the quantile itself as well.
fn cut(check: Check) -> f64 {
    match check {
        Check::LatencyWorse { quantile, .. } => (1.0 - 4.0 * (1.0 - quantile)).max(0.5),
        _ => 0.5,
    }
}

/// The sums of one arm over the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArmSum {
    pub(crate) requests: u64,
    pub(crate) bad: u64,
    /// The bad requests that the baselines predict.
    pub(crate) predicted: f64,
}

/// The state of one check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trial {
    check: Check,
    measure: Measure,
    /// For a comparison of latencies: the measure at the quantile itself. See [`cut`].
    tail: Option<(Measure, Windows<Tail>)>,
    /// The significance level.
    pub(crate) alpha: f64,
    /// The slot in which the evidence begins.
    first_slot: u64,
    /// Without control, every disturbance is attributed to the flag at once.
    is_at_once: bool,
    /// Nothing spoke against the units in the ten minutes before the stage.
    is_calm: bool,
    units: Windows<Count>,
    pooled: Windows<Pooled>,
    games: Games,
    /// The games on complete failures, without control.
    complete: Games,
    survival: Survival,
    pub(crate) treatment: ArmSum,
    pub(crate) control: ArmSum,
    /// The evidence after the last slot.
    pub(crate) log_evidence: f64,
    /// The last slot with evidence of 10 or more.
    pub(crate) elevated: Option<u64>,
    /// The slot of the failure.
    pub(crate) failed: Option<u64>,
    #[serde(skip)]
    rates: Vec<Rates>,
}

impl Trial {
    pub(crate) fn new(
        check: Check,
        roster: &Roster,
        (alpha, first_slot): (f64, u64),
        is_at_once: bool,
    ) -> Self {
        let measure = Measure::new(check, cut(check), roster);
        let tail = match check {
            Check::LatencyWorse { quantile, .. } => {
                Some((Measure::new(check, quantile, roster), Windows::new(1)))
            }
            _ => None,
        };
        Self {
            alpha,
            first_slot,
            is_at_once,
            is_calm: measure.was_calm(roster),
            check,
            measure,
            tail,
            units: Windows::new(0),
            pooled: Windows::new(1),
            games: Games::default(),
            complete: Games::default(),
            survival: Survival::default(),
            treatment: ArmSum::default(),
            control: ArmSum::default(),
            log_evidence: 0.0,
            elevated: None,
            failed: None,
            rates: Vec::new(),
        }
    }

    pub(crate) fn check(&self) -> Check {
        self.check
    }

    pub(crate) fn is_comparison(&self) -> bool {
        self.check.is_comparison()
    }

    /// Takes the edges of a comparison of latencies from requests of earlier slots, if there are enough.
    pub(crate) fn follow(&mut self, control: &Histogram, roster: &Roster) {
        if self.measure.follow(control, roster) {
            self.rates.clear();
        }
        if let Some((tail, _)) = &mut self.tail {
            tail.follow(control, roster);
        }
    }

    /// Adds a unit that appeared; units come in the order of the roster.
    pub(crate) fn add_unit(&mut self, roster: &Roster) {
        self.measure.add_unit(roster);
        self.units.add_unit();
        if let Some((tail, _)) = &mut self.tail {
            tail.add_unit(roster);
        }
    }

    /// Returns whether a unit of an arm can be counted.
    pub(crate) fn has_history(&self) -> bool {
        self.treatment.requests > 0 && self.control.requests > 0
    }

    pub(crate) fn count(&mut self, unit: usize, count: &UnitCount) {
        let Some((requests, bad, predicted)) = self.measure.of_count(unit, count) else {
            return;
        };
        self.units.add(unit, Count(requests, bad));
        self.pooled.add(0, Pooled(predicted, f64::from(bad)));
        let arm = if count.arm == Arm::Treatment {
            &mut self.treatment
        } else {
            &mut self.control
        };
        arm.requests += u64::from(requests);
        arm.bad += u64::from(bad);
        arm.predicted += predicted;
        if let Some((tail, windows)) = &mut self.tail
            && let Some((_, bad, predicted)) = tail.of_count(unit, count)
        {
            let sum = Pooled(predicted, f64::from(bad));
            windows.add(
                0,
                match count.arm {
                    Arm::Treatment => Tail {
                        treatment: sum,
                        control: Pooled::default(),
                    },
                    Arm::Control => Tail {
                        treatment: Pooled::default(),
                        control: sum,
                    },
                },
            );
        }
    }

    /// Forgets the windows, after a gap longer than all of them.
    pub(crate) fn forget(&mut self) {
        self.units = Windows::new(self.measure.base().len());
        self.pooled = Windows::new(1);
        if let Some((_, windows)) = &mut self.tail {
            *windows = Windows::new(1);
        }
        self.survival.block(false);
    }

    /// Begins the evidence anew in a slot, with half of the alpha.
    pub(crate) fn renew(&mut self, first_slot: u64) {
        self.alpha /= 2.0;
        self.restart(first_slot);
    }

    /// Begins the evidence anew in a slot, with the same alpha. The units keep their baselines.
    pub(crate) fn restart(&mut self, first_slot: u64) {
        self.forget();
        self.first_slot = first_slot;
        self.games = Games::default();
        self.complete = Games::default();
        self.survival = Survival::default();
        self.treatment = ArmSum::default();
        self.control = ArmSum::default();
        self.log_evidence = 0.0;
        self.elevated = None;
        self.failed = None;
    }

    /// Looks at the windows that end with the open slot.
    pub(crate) fn look(&mut self, slot: u64, roster: &Roster, config: &StageConfig) {
        self.log_evidence = 0.0;
        if self.failed.is_some() {
            return;
        }
        self.complete_rates(config);
        let evidence = if config.has_control {
            self.look_at_arms(slot, roster, config)
        } else {
            self.look_at_disturbance(slot, roster)
        };
        self.conclude(slot, evidence);
    }

    /// Closes a slot: the blocks that end with it are complete.
    pub(crate) fn close(&mut self, slot: u64, roster: &Roster, config: &StageConfig) {
        self.units.close(slot);
        self.pooled.close(slot);
        if let Some((_, windows)) = &mut self.tail {
            windows.close(slot);
        }
        let block = BLOCKS.get(FIVE_MINUTES).copied().unwrap_or(1);
        if config.has_control || self.failed.is_some() || !(slot + 1).is_multiple_of(block) {
            return;
        }
        self.complete_rates(config);
        let sum = |unit: usize| self.units.block(FIVE_MINUTES, unit);
        let is_disturbed = is_conspicuous(self.pooled.block(FIVE_MINUTES, 0))
            && surprise::against_baseline(&self.scored(&sum, roster)) >= DISTURBED
            && self.against_bound(&sum, roster) >= DISTURBED;
        let evidence = self.survival.block(is_disturbed);
        self.conclude(slot, evidence);
    }

    fn conclude(&mut self, slot: u64, evidence: f64) {
        self.log_evidence = self.log_evidence.max(evidence);
        if evidence >= ELEVATED {
            self.elevated = Some(slot);
        }
        if evidence >= -self.alpha.ln() {
            self.failed = Some(slot);
        }
    }

    /// The windows that are looked at: the open slot alone, then one for each scale. Long windows are looked at
    /// now and then if the pooled counts are just above the baselines: control outweighs a small treatment.
    fn due(&self, slot: u64) -> impl Iterator<Item = usize> {
        (0..=SCALES).filter(move |window| {
            let block = window
                .checked_sub(1)
                .and_then(|scale| BLOCKS.get(scale))
                .copied()
                .unwrap_or(1);
            let pooled = self.pooled.window(window.checked_sub(1), 0);
            let is_long = block >= LONG && slot.is_multiple_of(block / 2) && pooled.1 >= pooled.0;
            is_long || (slot.is_multiple_of((block / 4).max(1)) && is_conspicuous(pooled))
        })
    }

    fn look_at_arms(&mut self, slot: u64, roster: &Roster, config: &StageConfig) -> f64 {
        let looks: Vec<_> = self
            .due(slot)
            .map(|window| {
                let units = self.scored(&|unit| self.units.window(window.checked_sub(1), unit), roster);
                (window, split::find(&units, config.share), units)
            })
            .collect();
        let supports: Vec<_> = looks
            .iter()
            .map(|(window, split, _)| (*window, split.support))
            .collect();
        let Some((at, price)) = self.games.open(slot, &supports) else {
            return 0.0;
        };
        let Some((window, split, units)) = looks.get(at) else {
            return 0.0;
        };
        let by_assignment = assignment::evidence(units, *split, config.share);
        let mut evidence = by_assignment;
        if by_assignment >= WEAK {
            evidence = evidence.max(surprise::against_incidents(units, *split));
        }
        if !self.is_tail_worse(*window) {
            evidence = 0.0;
        }
        if self.check.allowed_share().is_some() {
            evidence = evidence
                .min(self.against_bound(&|unit| self.units.window(window.checked_sub(1), unit), roster));
        }
        (evidence - price).max(0.0)
    }

    /// Returns whether treatment is worse at the quantile itself in a window, relative to the baselines.
    fn is_tail_worse(&self, window: usize) -> bool {
        self.tail.as_ref().is_none_or(|(_, windows)| {
            let Tail { treatment, control } = windows.window(window.checked_sub(1), 0);
            let change = |sum: Pooled| (sum.1 + 0.5) / (sum.0 + 0.5);
            change(treatment) > change(control)
        })
    }

    /// Returns the evidence of a disturbance that is attributed to the flag. Another one only keeps the check from passing.
    fn look_at_disturbance(&mut self, slot: u64, roster: &Roster) -> f64 {
        let is_onset = self.is_calm && slot < self.first_slot.saturating_add(ONSET);
        let evidence = self.of_disturbance(slot, roster);
        if is_onset || self.is_at_once {
            return evidence;
        }
        if evidence >= ELEVATED {
            self.elevated = Some(slot);
        }
        self.of_complete_failure(slot, roster)
    }

    /// Returns the evidence that nearly every request meets an error.
    fn of_complete_failure(&mut self, slot: u64, roster: &Roster) -> f64 {
        let Check::ErrorRateAbove { rate } = self.check else {
            return 0.0;
        };
        let bound = rate.max(COMPLETE);
        let looks: Vec<_> = self
            .due(slot)
            .map(|window| {
                let of_window = |unit: usize| self.units.window(window.checked_sub(1), unit);
                (window, self.against_share(&of_window, roster, bound))
            })
            .collect();
        played(&mut self.complete, slot, &looks)
    }

    fn of_disturbance(&mut self, slot: u64, roster: &Roster) -> f64 {
        if self.check.is_comparison() {
            return 0.0;
        }
        let looks: Vec<_> = self
            .due(slot)
            .map(|window| {
                let of_window = |unit: usize| self.units.window(window.checked_sub(1), unit);
                let surprise = surprise::against_baseline(&self.scored(&of_window, roster));
                (window, surprise.min(self.against_bound(&of_window, roster)))
            })
            .collect();
        played(&mut self.games, slot, &looks)
    }

    fn scored(&self, sum: &impl Fn(usize) -> Count, roster: &Roster) -> Vec<Scored> {
        let divisor = self.check.treatment_divisor();
        (0..)
            .zip(&self.rates)
            .zip(roster.units())
            .filter_map(|((at, rates), unit)| {
                let Count(requests, bad) = sum(at);
                let is_treatment = unit.arm == Arm::Treatment;
                let bad = if is_treatment {
                    f64::from(bad) / divisor
                } else {
                    f64::from(bad)
                };
                let at = || rates.likelihoods(f64::from(requests), bad);
                (requests > 0).then(|| Scored {
                    tenant: unit.tenant,
                    is_treatment,
                    at: at(),
                })
            })
            .collect()
    }

    fn against_bound(&self, sum: &impl Fn(usize) -> Count, roster: &Roster) -> f64 {
        let allowed = self.check.allowed_share();
        allowed.map_or(f64::INFINITY, |allowed| self.against_share(sum, roster, allowed))
    }

    /// Returns the evidence that more than a share of treatment's requests are bad, with any single tenant left out.
    fn against_share(&self, sum: &impl Fn(usize) -> Count, roster: &Roster, allowed: f64) -> f64 {
        let mut tenants: Vec<(f64, f64)> = Vec::new();
        for (at, unit) in roster.units().iter().enumerate() {
            let Count(requests, bad) = sum(at);
            if unit.arm == Arm::Treatment && requests > 0 {
                let at = unit.tenant as usize;
                if tenants.len() <= at {
                    tenants.resize(at + 1, (0.0, 0.0));
                }
                if let Some(tenant) = tenants.get_mut(at) {
                    tenant.0 += f64::from(requests);
                    tenant.1 += f64::from(bad);
                }
            }
        }
        bound::without_any_tenant(&tenants, allowed)
    }

    /// Without control, the units are compared with the bound where it is above their baselines.
    fn complete_rates(&mut self, config: &StageConfig) {
        let least = if config.has_control {
            0.0
        } else {
            self.check.allowed_share().unwrap_or(0.0)
        };
        let shape = self.check.shape();
        let known = self.rates.len();
        let missing = self.measure.base().iter().skip(known);
        self.rates
            .extend(missing.map(|base| Rates::new(shape, base.unwrap_or(0.0).max(least))));
    }
}
