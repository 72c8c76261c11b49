//! The statistical state of one check in one stage.
//!
//! After each slot the trial looks at the windows that are due. If the outcomes of one look like two groups of units
//! ([`split`](crate::split)), it opens a game on it ([`games`](crate::games)). The evidence of the game is that of the
//! assignment alone, or, if at least [`WEAK`] comes from there, that of the assumption of independent bursts. An
//! absolute check needs evidence against its bound as well. Every part holds with any single tenant left out.

use serde::{Deserialize, Serialize};

use crate::{
    assignment, bound,
    check::{Check, StageConfig, Tally},
    games::{Games, SUPPORT},
    histogram::{Histogram, first_at_or_above, lower_edge},
    level::{Rates, Scored},
    roster::Roster,
    slot::{Arm, UnitCount},
    split, surprise,
    survival::Survival,
    windows::{BLOCKS, Count, FIVE_MINUTES, Pooled, SCALES, Windows},
};

/// The evidence of the assignment, in nats, with which independent bursts may decide: an e-value of 100.
const WEAK: f64 = 4.6;
/// The number of standard deviations above the baselines from which a window is looked at.
const GATE: f64 = 2.5;
/// The evidence of a disturbed block of five minutes: an e-value of 20.
const DISTURBED: f64 = 3.0;
/// A disturbance that begins within this many slots after the stage was entered (5 minutes) is attributed to the
/// stage if there is no control.
const ONSET: u64 = 60;
/// An evidence of 10 blocks pass for ten minutes.
const ELEVATED: f64 = std::f64::consts::LN_10;
/// The fewest requests of a baseline.
const MIN_HISTORY: u64 = 20;
/// The weight of the pooled baseline in a unit's baseline, in requests.
const PRIOR: f64 = 50.0;

/// The edges of a latency check: the first bucket that is bad, in each arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Edges {
    treatment: u16,
    control: u16,
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
    edges: Option<Edges>,
    /// The baseline rate of each unit. Nothing: the unit has no history.
    base: Vec<Option<f64>>,
    pooled_base: f64,
    /// Nothing spoke against the units in the ten minutes before the stage.
    is_calm: bool,
    units: Vec<Windows<Count>>,
    pooled: Windows<Pooled>,
    games: Games,
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
    pub(crate) fn new(check: Check, roster: &Roster) -> Self {
        let mut trial = Self {
            check,
            edges: None,
            base: Vec::new(),
            pooled_base: 0.0,
            is_calm: true,
            units: Vec::new(),
            pooled: Windows::default(),
            games: Games::default(),
            survival: Survival::default(),
            treatment: ArmSum::default(),
            control: ArmSum::default(),
            log_evidence: 0.0,
            elevated: None,
            failed: None,
            rates: Vec::new(),
        };
        match check {
            Check::LatencyAbove { bound, .. } => {
                let edge = first_at_or_above(bound);
                trial.edges = Some(Edges {
                    treatment: edge,
                    control: edge,
                });
            }
            Check::LatencyWorse { .. } => {
                let mut all = Histogram::default();
                roster
                    .baselines()
                    .for_each(|baseline| all.merge(&baseline.day.latency));
                trial.set_quantile(&all);
            }
            Check::ErrorRateAbove { .. } | Check::ErrorRateWorse { .. } => {}
        }
        trial.pool(roster);
        trial.is_calm = trial.was_calm(roster);
        trial
    }

    pub(crate) fn check(&self) -> Check {
        self.check
    }

    pub(crate) fn is_comparison(&self) -> bool {
        self.check.is_comparison()
    }

    /// Takes the edges of a comparison of latencies from requests of earlier slots, if there are enough.
    pub(crate) fn follow(&mut self, control: &Histogram, roster: &Roster) {
        if matches!(self.check, Check::LatencyWorse { .. }) && control.total() >= 500 {
            let before = self.edges;
            self.set_quantile(control);
            if self.edges != before {
                self.pool(roster);
                self.base = (0..self.base.len())
                    .map(|unit| self.base_of(unit, roster))
                    .collect();
                self.rates.clear();
            }
        }
    }

    /// The edge of control is the end of the bucket with the quantile; that of treatment is rounded up.
    fn set_quantile(&mut self, latencies: &Histogram) {
        if let Check::LatencyWorse { quantile, ratio } = self.check {
            self.edges = latencies.quantile_bucket(quantile).map(|bucket| {
                let control = bucket.saturating_add(1);
                let treatment = first_at_or_above(lower_edge(control).mul_f64(ratio.clamp(1.0, 1000.0)));
                Edges { treatment, control }
            });
        }
    }

    fn of_tally(&self, tally: &Tally) -> (u64, u64) {
        match (self.check, self.edges) {
            (Check::ErrorRateAbove { .. } | Check::ErrorRateWorse { .. }, _) => {
                (tally.requests, tally.errors)
            }
            (_, Some(edges)) => (tally.latency.total(), tally.latency.count_from(edges.control)),
            (_, None) => (0, 0),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a day")]
    fn pool(&mut self, roster: &Roster) {
        let (requests, bad) = roster.baselines().fold((0, 0), |(requests, bad), baseline| {
            let (of_one, bad_of_one) = self.of_tally(&baseline.day);
            (requests + of_one, bad + bad_of_one)
        });
        self.pooled_base = if requests > 0 {
            bad as f64 / requests as f64
        } else {
            self.check.allowed_share().unwrap_or(0.0) / 2.0
        };
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a day")]
    fn smoothed(&self, tally: &Tally) -> Option<f64> {
        let (requests, bad) = self.of_tally(tally);
        (requests >= MIN_HISTORY).then(|| (bad as f64 + PRIOR * self.pooled_base) / (requests as f64 + PRIOR))
    }

    fn base_of(&self, unit: usize, roster: &Roster) -> Option<f64> {
        let own = roster
            .baseline(unit)
            .and_then(|baseline| self.smoothed(&baseline.day));
        if self.check.is_comparison() {
            own
        } else {
            Some(own.unwrap_or(self.pooled_base))
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of ten minutes")]
    fn was_calm(&self, roster: &Roster) -> bool {
        let sum = roster.baselines().fold(Pooled::default(), |sum, baseline| {
            let (requests, bad) = self.of_tally(&baseline.recent);
            let base = self.smoothed(&baseline.day).unwrap_or(self.pooled_base);
            Pooled(sum.0 + requests as f64 * base, sum.1 + bad as f64)
        });
        !is_above(sum)
    }

    /// Adds a unit that appeared; units come in the order of the roster.
    pub(crate) fn add_unit(&mut self, roster: &Roster) {
        self.base.push(self.base_of(self.base.len(), roster));
        self.units.push(Windows::default());
    }

    /// Returns whether a unit of an arm can be counted.
    pub(crate) fn has_history(&self) -> bool {
        self.treatment.requests > 0 && self.control.requests > 0
    }

    pub(crate) fn count(&mut self, unit: usize, count: &UnitCount) {
        let Some(Some(base)) = self.base.get(unit) else {
            return;
        };
        let (requests, bad) = match (self.check, self.edges) {
            (Check::ErrorRateAbove { .. } | Check::ErrorRateWorse { .. }, _) => {
                (count.capped_requests, count.capped_errors)
            }
            (_, Some(edges)) => {
                let edge = if count.arm == Arm::Treatment {
                    edges.treatment
                } else {
                    edges.control
                };
                let (requests, bad) = (count.latency.total(), count.latency.count_from(edge));
                (
                    u32::try_from(requests).unwrap_or(u32::MAX),
                    u32::try_from(bad).unwrap_or(u32::MAX),
                )
            }
            (_, None) => return,
        };
        let predicted = f64::from(requests) * base;
        if let Some(windows) = self.units.get_mut(unit) {
            windows.add(Count(requests, bad));
        }
        self.pooled.add(Pooled(predicted, f64::from(bad)));
        let arm = if count.arm == Arm::Treatment {
            &mut self.treatment
        } else {
            &mut self.control
        };
        arm.requests += u64::from(requests);
        arm.bad += u64::from(bad);
        arm.predicted += predicted;
    }

    /// Forgets the windows, after a gap longer than all of them.
    pub(crate) fn forget(&mut self) {
        self.units
            .iter_mut()
            .for_each(|windows| *windows = Windows::default());
        self.pooled = Windows::default();
        self.survival.block(false);
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
            self.look_at_onset(slot, roster, config)
        };
        self.conclude(slot, evidence, config);
    }

    /// Closes a slot: the blocks that end with it are complete.
    pub(crate) fn close(&mut self, slot: u64, roster: &Roster, config: &StageConfig) {
        self.units.iter_mut().for_each(|windows| windows.close(slot));
        self.pooled.close(slot);
        let block = BLOCKS.get(FIVE_MINUTES).copied().unwrap_or(1);
        if config.has_control || self.failed.is_some() || !(slot + 1).is_multiple_of(block) {
            return;
        }
        self.complete_rates(config);
        let sum = |windows: &Windows<Count>| windows.block(FIVE_MINUTES);
        let is_disturbed = is_above(self.pooled.block(FIVE_MINUTES))
            && surprise::against_baseline(&self.scored(sum, roster)) >= DISTURBED
            && self.against_bound(sum, roster) >= DISTURBED;
        let evidence = self.survival.block(is_disturbed);
        self.conclude(slot, evidence, config);
    }

    fn conclude(&mut self, slot: u64, evidence: f64, config: &StageConfig) {
        self.log_evidence = self.log_evidence.max(evidence);
        if evidence >= ELEVATED {
            self.elevated = Some(slot);
        }
        if evidence >= -config.alpha.ln() {
            self.failed = Some(slot);
        }
    }

    /// The windows that are due: the open slot alone, then one for each scale.
    fn due(&self, slot: u64) -> impl Iterator<Item = usize> {
        (0..=SCALES).filter(move |window| {
            let block = window
                .checked_sub(1)
                .and_then(|scale| BLOCKS.get(scale))
                .copied()
                .unwrap_or(1);
            slot.is_multiple_of((block / 4).max(1))
                && self.games.is_due(*window, slot)
                && is_above(sum(&self.pooled, *window))
        })
    }

    fn look_at_arms(&mut self, slot: u64, roster: &Roster, config: &StageConfig) -> f64 {
        let found = self
            .due(slot)
            .map(|window| {
                let units = self.scored(|windows| sum(windows, window), roster);
                (window, split::find(&units, config.share), units)
            })
            .filter(|(_, split, _)| split.support >= SUPPORT)
            .max_by(|(_, one, _), (_, other, _)| one.support.total_cmp(&other.support));
        let Some((window, split, units)) = found else {
            return 0.0;
        };
        let price = self.games.open(window, slot);
        let by_assignment = assignment::evidence(&units, split, config.share);
        let mut evidence = by_assignment;
        if by_assignment >= WEAK {
            evidence = evidence.max(surprise::against_incidents(&units, split));
        }
        if self.check.allowed_share().is_some() {
            evidence = evidence.min(self.against_bound(|windows| sum(windows, window), roster));
        }
        (evidence - price).max(0.0)
    }

    fn look_at_onset(&mut self, slot: u64, roster: &Roster, config: &StageConfig) -> f64 {
        if self.check.is_comparison() || !self.is_calm || slot >= config.first_slot + ONSET {
            return 0.0;
        }
        let found = self
            .due(slot)
            .map(|window| {
                let of_window = |windows: &Windows<Count>| sum(windows, window);
                let surprise = surprise::against_baseline(&self.scored(of_window, roster));
                (window, surprise.min(self.against_bound(of_window, roster)))
            })
            .filter(|(_, evidence)| *evidence >= SUPPORT)
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        let Some((window, evidence)) = found else {
            return 0.0;
        };
        let price = self.games.open(window, slot);
        (evidence - price).max(0.0)
    }

    fn scored(&self, sum: impl Fn(&Windows<Count>) -> Count, roster: &Roster) -> Vec<Scored> {
        let divisor = self.check.treatment_divisor();
        self.units
            .iter()
            .zip(&self.rates)
            .zip(roster.units())
            .filter_map(|((windows, rates), unit)| {
                let Count(requests, bad) = sum(windows);
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

    fn against_bound(&self, sum: impl Fn(&Windows<Count>) -> Count, roster: &Roster) -> f64 {
        let Some(allowed) = self.check.allowed_share() else {
            return f64::INFINITY;
        };
        let mut tenants: Vec<(f64, f64)> = Vec::new();
        for (windows, unit) in self.units.iter().zip(roster.units()) {
            let Count(requests, bad) = sum(windows);
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
        let missing = self.base.iter().skip(known);
        self.rates
            .extend(missing.map(|base| Rates::new(shape, base.unwrap_or(0.0).max(least))));
    }
}

fn sum<S: crate::windows::Sum>(windows: &Windows<S>, window: usize) -> S {
    window
        .checked_sub(1)
        .map_or_else(|| windows.slot(), |scale| windows.window(scale))
}

/// Returns whether there are clearly more bad requests than the baselines predict.
fn is_above(Pooled(predicted, bad): Pooled) -> bool {
    bad >= 3.0 && bad - predicted >= GATE * (predicted + 1.0).sqrt()
}
