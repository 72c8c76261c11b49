//! A check of an external metric: it fails after three consecutive samples over the bound.

use serde::{Deserialize, Serialize};

use crate::verdict::{Reason, Status};

/// The samples over the bound that fail the check.
const CONSECUTIVE: u32 = 3;
/// The least distance of two samples, in seconds. A sample that comes earlier is ignored.
const DISTANCE_SECONDS: u64 = 10;
/// The failed attempts after which people are notified.
const NOTIFY_AFTER: u32 = 5;

/// The state of one check of an external metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleCheck {
    bound: f64,
    value: Option<f64>,
    over: u32,
    unreadable: u32,
    last_seconds: Option<u64>,
    is_failed: bool,
}

impl SampleCheck {
    /// Creates a check that fails above `bound`.
    pub fn new(bound: f64) -> Self {
        Self {
            bound,
            value: None,
            over: 0,
            unreadable: 0,
            last_seconds: None,
            is_failed: false,
        }
    }

    /// Takes a sample at a time in seconds; nothing or NaN if the metric could not be read.
    pub fn sample(&mut self, seconds: u64, value: Option<f64>) {
        if self
            .last_seconds
            .is_some_and(|last| seconds < last.saturating_add(DISTANCE_SECONDS))
        {
            return;
        }
        self.last_seconds = Some(seconds);
        self.value = value.filter(|value| !value.is_nan());
        match self.value {
            None => {
                self.unreadable = self.unreadable.saturating_add(1);
                self.over = 0;
            }
            Some(value) => {
                self.unreadable = 0;
                self.over = if value > self.bound {
                    self.over.saturating_add(1)
                } else {
                    0
                };
            }
        }
        self.is_failed |= self.over >= CONSECUTIVE;
    }

    /// Returns the last value that was read.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Returns whether the metric could not be read in five attempts.
    pub fn is_unreadable_for_long(&self) -> bool {
        self.unreadable >= NOTIFY_AFTER
    }

    /// Returns the status and its reason.
    pub fn look(&self) -> (Status, Reason) {
        match (self.is_failed, self.value) {
            (true, _) => (Status::Fail, Reason::OverBound),
            (false, None) if self.last_seconds.is_none() => (Status::Inconclusive, Reason::NoSample),
            (false, None) => (Status::Inconclusive, Reason::Unreadable),
            (false, Some(value)) if value > self.bound => (Status::Inconclusive, Reason::OverBound),
            (false, Some(_)) => (Status::Pass, Reason::Met),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_consecutive_samples_fail() {
        let mut check = SampleCheck::new(0.9);
        assert_eq!(check.look(), (Status::Inconclusive, Reason::NoSample));
        check.sample(0, Some(0.95));
        check.sample(10, Some(0.95));
        assert_eq!(check.look(), (Status::Inconclusive, Reason::OverBound));
        check.sample(20, Some(0.5));
        assert_eq!(check.look(), (Status::Pass, Reason::Met));
        for seconds in [30, 40, 50] {
            check.sample(seconds, Some(0.91));
        }
        assert_eq!(check.look(), (Status::Fail, Reason::OverBound));
        check.sample(60, Some(0.1));
        assert_eq!(check.look().0, Status::Fail);
    }

    #[test]
    fn samples_closer_than_ten_seconds_count_once() {
        let mut check = SampleCheck::new(0.9);
        for seconds in [0, 1, 2, 3, 10, 11] {
            check.sample(seconds, Some(1.0));
        }
        assert_eq!(check.look().0, Status::Inconclusive);
    }

    #[test]
    fn an_unreadable_metric_is_inconclusive() {
        let mut check = SampleCheck::new(0.9);
        for attempt in 0..5 {
            assert!(!check.is_unreadable_for_long());
            check.sample(attempt * 10, if attempt % 2 == 0 { None } else { Some(f64::NAN) });
            assert_eq!(check.look(), (Status::Inconclusive, Reason::Unreadable));
        }
        assert!(check.is_unreadable_for_long());
    }
}
