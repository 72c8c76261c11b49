//! The bad requests of a check, and the number of them that the baselines of the units predict.

use serde::{Deserialize, Serialize};

use crate::{
    check::{Check, Tally},
    histogram::{Histogram, first_at_or_above, lower_edge},
    roster::Roster,
    slot::{Arm, UnitCount},
    windows::Pooled,
};

/// The number of standard deviations above the baselines from which counts are conspicuous.
const GATE: f64 = 2.5;
/// The fewest requests of a baseline.
const MIN_HISTORY: u64 = 20;
/// The weight of the pooled baseline in a unit's baseline, in requests.
const PRIOR: f64 = 50.0;
/// The fewest requests of control from which a quantile is taken.
const MIN_LATENCIES: u64 = 500;

/// The first bucket that is bad, in each arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Edges {
    treatment: u16,
    control: u16,
}

/// The measure of one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measure {
    check: Check,
    /// The quantile of control at which a comparison of latencies cuts.
    quantile: f64,
    /// Nothing for errors, and as long as control's latencies are not known.
    edges: Option<Edges>,
    /// The baseline rate of each unit. Nothing: the unit has no history.
    base: Vec<Option<f64>>,
    pooled_base: f64,
}

impl Measure {
    pub(crate) fn new(check: Check, quantile: f64, roster: &Roster) -> Self {
        let mut measure = Self {
            check,
            quantile,
            edges: None,
            base: Vec::new(),
            pooled_base: 0.0,
        };
        match check {
            Check::LatencyAbove { bound, .. } => {
                let edge = first_at_or_above(bound);
                measure.edges = Some(Edges {
                    treatment: edge,
                    control: edge,
                });
            }
            Check::LatencyWorse { ratio, .. } => {
                let mut all = Histogram::default();
                roster
                    .baselines()
                    .for_each(|baseline| all.merge(&baseline.day.latency));
                measure.edges = edges(&all, quantile, ratio);
            }
            Check::ErrorRateAbove { .. } | Check::ErrorRateWorse { .. } => {}
        }
        measure.pool(roster);
        measure
    }

    /// Takes the edges of a comparison from control's requests of earlier slots. Returns whether they changed.
    pub(crate) fn follow(&mut self, control: &Histogram, roster: &Roster) -> bool {
        let Check::LatencyWorse { ratio, .. } = self.check else {
            return false;
        };
        let edges = edges(control, self.quantile, ratio);
        if control.total() < MIN_LATENCIES || edges == self.edges {
            return false;
        }
        self.edges = edges;
        self.pool(roster);
        self.base = (0..self.base.len())
            .map(|unit| self.base_of(unit, roster))
            .collect();
        true
    }

    pub(crate) fn add_unit(&mut self, roster: &Roster) {
        self.base.push(self.base_of(self.base.len(), roster));
    }

    pub(crate) fn base(&self) -> &[Option<f64>] {
        &self.base
    }

    /// Returns the requests and the bad ones among them of one unit in one slot, and the bad ones that its baseline
    /// predicts; nothing for a unit that cannot be measured.
    pub(crate) fn of_count(&self, unit: usize, count: &UnitCount) -> Option<(u32, u32, f64)> {
        let base = self.base.get(unit).copied().flatten()?;
        let (requests, bad) = match (self.check, self.edges) {
            (Check::ErrorRateAbove { .. } | Check::ErrorRateWorse { .. }, _) => {
                (count.capped_requests, count.capped_errors)
            }
            (_, edges) => {
                let edges = edges?;
                let edge = if count.arm == Arm::Treatment {
                    edges.treatment
                } else {
                    edges.control
                };
                let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
                (
                    small(count.latency.total()),
                    small(count.latency.count_from(edge)),
                )
            }
        };
        Some((requests, bad, f64::from(requests) * base))
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

    /// A unit without history counts in absolute checks only, with the pooled baseline.
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

    /// Returns whether nothing was conspicuous in the ten minutes before the stage.
    #[expect(clippy::cast_precision_loss, reason = "counts of ten minutes")]
    pub(crate) fn was_calm(&self, roster: &Roster) -> bool {
        let sum = roster.baselines().fold(Pooled::default(), |sum, baseline| {
            let (requests, bad) = self.of_tally(&baseline.recent);
            let base = self.smoothed(&baseline.day).unwrap_or(self.pooled_base);
            Pooled(sum.0 + requests as f64 * base, sum.1 + bad as f64)
        });
        !is_conspicuous(sum)
    }
}

/// Returns whether there are clearly more bad requests than the baselines predict.
pub(crate) fn is_conspicuous(Pooled(predicted, bad): Pooled) -> bool {
    bad >= 3.0 && bad - predicted >= GATE * (predicted + 1.0).sqrt()
}

/// The edge of control is an end of the bucket with the quantile, or of a neighbour: the one that loses least when
/// the edge of treatment, `ratio` times it, is rounded up.
fn edges(latencies: &Histogram, quantile: f64, ratio: f64) -> Option<Edges> {
    let rounded = |control: u16| {
        let exact = lower_edge(control).mul_f64(ratio.clamp(1.0, 1000.0));
        let treatment = first_at_or_above(exact);
        let rounding = lower_edge(treatment).as_secs_f64() / exact.as_secs_f64().max(1e-6);
        (rounding, Edges { treatment, control })
    };
    let bucket = latencies.quantile_bucket(quantile)?;
    let around = bucket.max(1)..=bucket.saturating_add(2);
    let best = around
        .map(rounded)
        .min_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, edges)| edges)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::histogram::bucket;

    #[test]
    fn edges_are_rounded_by_a_few_percent() {
        for millis in 1..3_000 {
            let latencies = Histogram::new([(bucket(Duration::from_millis(millis)), 1000)]);
            let edges = edges(&latencies, 0.95, 1.2).unwrap();
            let ratio = lower_edge(edges.treatment).as_secs_f64() / lower_edge(edges.control).as_secs_f64();
            assert!((1.2..1.23).contains(&ratio), "{millis}: {ratio}");
        }
    }
}
