//! The counts of a flag's arms by minute, for display: the last 24 hours.

use std::collections::BTreeMap;
use std::time::Duration;

use rules::Timestamp;
use serde::{Deserialize, Serialize};
use verdicts::histogram::{Histogram, lower_edge};

use crate::minute_report::{ArmMinute, MinuteReport};
use crate::observe::{ArmName, ObservedUnit};
use crate::stage_report::Percentiles;

const MINUTE_MS: i64 = 60_000;
/// The minutes that are kept.
const MINUTES: i64 = 24 * 60;

/// The counts of the last minutes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Minutes {
    /// By the minute of the steady time. The last one may go on.
    past: BTreeMap<i64, [PastArm; ARMS.len()]>,
    /// The latencies of the last minute.
    latencies: [Histogram; ARMS.len()],
}

/// The counts of an arm in a minute.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct PastArm {
    requests: u32,
    errors: u32,
    /// The buckets of p50, p95 and p99.
    quantiles: Option<[u16; QUANTILES.len()]>,
}

const ARMS: [ArmName; 4] = [
    ArmName::Treatment,
    ArmName::Control,
    ArmName::OptedIn,
    ArmName::Excluded,
];
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

impl Minutes {
    /// Adds the counts of a slot at a steady time: a jump of the system clock neither drops nor merges minutes.
    pub(super) fn add(&mut self, units: &[ObservedUnit], steady: Timestamp) {
        let minute = steady.0.div_euclid(MINUTE_MS);
        // An earlier time adds to the last minute.
        let last = self.past.last_key_value().map(|(minute, _)| *minute);
        let minute = last.map_or(minute, |last| last.max(minute));
        self.past.retain(|at, _| minute.saturating_sub(*at) < MINUTES);
        if units.is_empty() {
            return;
        }
        if last != Some(minute) {
            self.latencies = Default::default();
        }
        let arms = self.past.entry(minute).or_default();
        for ((arm, past), latencies) in ARMS.into_iter().zip(arms).zip(&mut self.latencies) {
            for unit in units.iter().filter(|unit| unit.arm == arm) {
                past.requests = past.requests.saturating_add(unit.requests);
                past.errors = past.errors.saturating_add(unit.errors);
                let buckets = unit.counted.iter().filter_map(|counted| counted.bucket);
                buckets.for_each(|bucket| latencies.add(bucket, 1));
            }
            let [p50, p95, p99] = QUANTILES.map(|quantile| latencies.quantile_bucket(quantile));
            past.quantiles = p50.zip(p95).zip(p99).map(|((p50, p95), p99)| [p50, p95, p99]);
        }
    }

    /// Returns the minutes with requests, the oldest first. `displaced_ms` is the system clock minus the steady time: the
    /// minutes are named by the system clock as it is now, so that one minute ago is one minute ago.
    pub(super) fn report(&self, displaced_ms: i64) -> Vec<MinuteReport> {
        let half = MINUTE_MS / 2;
        let displaced = displaced_ms.saturating_add(half).div_euclid(MINUTE_MS);
        let report = |(minute, arms): (&i64, &[PastArm; ARMS.len()])| MinuteReport {
            start: Timestamp(minute.saturating_add(displaced).saturating_mul(MINUTE_MS)),
            arms: ARMS
                .into_iter()
                .zip(arms)
                .filter(|(_, past)| past.requests > 0)
                .map(|(arm, past)| ArmMinute {
                    arm,
                    requests: past.requests,
                    errors: past.errors,
                    latency: past.quantiles.map(|quantiles| {
                        let [p50, p95, p99] = quantiles.map(midpoint);
                        Percentiles { p50, p95, p99 }
                    }),
                })
                .collect(),
        };
        self.past.iter().map(report).collect()
    }
}

/// Returns the latency in the middle of a bucket.
fn midpoint(bucket: u16) -> Duration {
    lower_edge(bucket).saturating_add(lower_edge(bucket.saturating_add(1))) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::CountedRequest;

    fn unit(arm: ArmName, latencies_ms: &[u64], errors: u32) -> ObservedUnit {
        let counted = latencies_ms.iter().map(|ms| CountedRequest {
            bucket: Some(verdicts::histogram::bucket(Duration::from_millis(*ms))),
            is_error: false,
        });
        let counted: Vec<_> = counted.collect();
        ObservedUnit {
            unit: 1,
            tenant: 1,
            arm,
            requests: u32::try_from(counted.len()).unwrap(),
            errors,
            counted,
        }
    }

    fn at(minute: i64, second: i64) -> Timestamp {
        Timestamp(minute * MINUTE_MS + second * 1_000)
    }

    #[test]
    fn slots_of_a_minute_are_added_by_arm() {
        let mut minutes = Minutes::default();
        minutes.add(&[unit(ArmName::Treatment, &[10; 50], 1)], at(100, 5));
        minutes.add(&[unit(ArmName::Treatment, &[10; 45], 2)], at(100, 10));
        minutes.add(
            &[
                unit(ArmName::Treatment, &[1_000; 5], 0),
                unit(ArmName::Control, &[20], 0),
            ],
            at(100, 55),
        );
        minutes.add(&[unit(ArmName::Control, &[], 0)], at(101, 0));
        minutes.add(&[unit(ArmName::Control, &[30], 1)], at(102, 0));
        let report = minutes.report(0);
        assert_eq!(report.len(), 3);
        assert_eq!(report[0].start, at(100, 0));
        let [treatment, control] = &report[0].arms[..] else {
            panic!("two arms have requests: {report:?}");
        };
        assert_eq!((treatment.requests, treatment.errors), (100, 3));
        let is_near = |latency: Duration, ms: f64| (latency.as_secs_f64() * 1_000.0 / ms - 1.0).abs() < 0.05;
        let latency = treatment.latency.unwrap();
        assert!(is_near(latency.p50, 10.0) && is_near(latency.p95, 10.0) && is_near(latency.p99, 1_000.0));
        assert_eq!((control.arm, control.requests), (ArmName::Control, 1));
        assert!(report[1].arms.is_empty());
        // The latencies of a minute are its own.
        assert!(is_near(report[2].arms[0].latency.unwrap().p50, 30.0));
    }

    #[test]
    fn minutes_are_kept_for_a_day() {
        let mut minutes = Minutes::default();
        for minute in 0..2_000 {
            minutes.add(&[unit(ArmName::Excluded, &[10], 0)], at(minute, 0));
        }
        let report = minutes.report(0);
        assert_eq!((report.len(), report[0].start), (1_440, at(560, 0)));
        // Later slots without requests remove them, too.
        minutes.add(&[], at(2_500, 0));
        assert_eq!(minutes.report(0).len(), 939);
        // A clock that goes back loses nothing.
        minutes.add(&[unit(ArmName::Excluded, &[10], 0)], at(1_000, 0));
        assert_eq!(minutes.report(0).last().unwrap().arms[0].requests, 2);
    }
}
