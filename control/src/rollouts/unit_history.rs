//! The counts of a flag's units in the last 24 hours. A stage compares each unit with its own history.

use std::collections::{BTreeMap, HashMap};

use rules::Timestamp;
use serde::{Deserialize, Serialize};
use verdicts::histogram::Histogram;
use verdicts::{Baseline, MAX_UNITS, Tally};

use crate::observe::ObservedUnit;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The hours that are kept, and the minutes for what happened just before a stage.
const HOURS: i64 = 24;
const MINUTES: i64 = 10;

/// The counts of a flag's units.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct UnitHistory {
    /// By the hour of the steady time, and the unit.
    hours: BTreeMap<i64, HashMap<u64, Tally>>,
    /// By the minute of the steady time, and the unit.
    minutes: BTreeMap<i64, HashMap<u64, Tally>>,
}

impl UnitHistory {
    /// Adds the counts of a slot at a steady time: the requests that count, whatever their arm.
    pub(super) fn add(&mut self, units: &[ObservedUnit], steady: Timestamp) {
        let (hour, minute) = (steady.0.div_euclid(HOUR_MS), steady.0.div_euclid(MINUTE_MS));
        self.hours.retain(|at, _| hour.saturating_sub(*at) < HOURS);
        self.minutes.retain(|at, _| minute.saturating_sub(*at) < MINUTES);
        for unit in units {
            let tally = tally(unit);
            for of_time in [
                self.hours.entry(hour).or_default(),
                self.minutes.entry(minute).or_default(),
            ] {
                if of_time.len() < MAX_UNITS || of_time.contains_key(&unit.unit) {
                    add(of_time.entry(unit.unit).or_default(), &tally);
                }
            }
        }
    }

    /// Returns the baseline of each unit.
    pub(super) fn baselines(&self) -> HashMap<u64, Baseline> {
        let mut baselines: HashMap<u64, Baseline> = HashMap::new();
        for (unit, tally) in self.hours.values().flatten() {
            add(&mut baselines.entry(*unit).or_default().day, tally);
        }
        for (unit, tally) in self.minutes.values().flatten() {
            add(&mut baselines.entry(*unit).or_default().recent, tally);
        }
        baselines
    }
}

fn add(sum: &mut Tally, tally: &Tally) {
    sum.requests = sum.requests.saturating_add(tally.requests);
    sum.errors = sum.errors.saturating_add(tally.errors);
    sum.latency.merge(&tally.latency);
}

fn tally(unit: &ObservedUnit) -> Tally {
    let errors = unit.counted.iter().filter(|counted| counted.is_error).count();
    let buckets = unit.counted.iter().filter_map(|counted| counted.bucket);
    Tally {
        requests: unit.counted.len() as u64,
        errors: errors as u64,
        latency: Histogram::new(buckets.map(|bucket| (bucket, 1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{ArmName, CountedRequest};

    fn unit(requests: usize, errors: usize) -> Vec<ObservedUnit> {
        let counted = (0..requests).map(|at| CountedRequest {
            bucket: Some(100),
            is_error: at < errors,
        });
        vec![ObservedUnit {
            unit: 1,
            tenant: 1,
            arm: ArmName::Excluded,
            requests: 500,
            errors: 3,
            counted: counted.collect(),
        }]
    }

    #[test]
    fn a_day_and_ten_minutes_are_kept() {
        let mut history = UnitHistory::default();
        let at = |minutes: i64| Timestamp(minutes * MINUTE_MS);
        history.add(&unit(10, 1), at(0));
        history.add(&unit(20, 2), at(23 * 60));
        history.add(&unit(4, 0), at(23 * 60 + 5));
        let baselines = history.baselines();
        let baseline = &baselines[&1];
        assert_eq!((baseline.day.requests, baseline.day.errors), (34, 3));
        assert_eq!((baseline.recent.requests, baseline.recent.errors), (24, 2));
        history.add(&[], at(24 * 60));
        assert_eq!(history.baselines()[&1].day.requests, 24);
        assert_eq!(history.baselines()[&1].recent.requests, 0);
    }
}
