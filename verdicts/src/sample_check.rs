//! A check of an external metric: it fails after three consecutive samples over the bound.

use serde::{Deserialize, Serialize};

use crate::verdict::{Reason, Status};

/// The samples over the bound that fail the check.
const CONSECUTIVE: u32 = 3;
/// The least distance of two samples, in seconds. A sample that comes earlier is ignored.
const DISTANCE_SECONDS: u64 = 10;
/// The failed attempts after which people are notified.
const NOTIFY_AFTER: u32 = 5;
/// The age of a sample, in seconds, from which it says nothing about the present.
const STALE_SECONDS: u64 = 60;

/// The side of the bound on which a sample is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BadSide {
    /// Above the bound.
    Above,
    /// Below the bound.
    Below,
}

/// The state of one check of an external metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleCheck {
    bad_side: BadSide,
    bound: f64,
    value: Option<f64>,
    over: u32,
    /// The last samples in a row that are within the bound.
    within: u32,
    unreadable: u32,
    last_seconds: Option<u64>,
    is_failed: bool,
}

impl SampleCheck {
    /// Creates a check that fails on one side of `bound`.
    pub fn new(bad_side: BadSide, bound: f64) -> Self {
        Self {
            bad_side,
            bound,
            value: None,
            over: 0,
            within: 0,
            unreadable: 0,
            last_seconds: None,
            is_failed: false,
        }
    }

    /// Takes a sample at a time in seconds; nothing or NaN if the metric could not be read.
    pub fn sample(&mut self, seconds: u64, value: Option<f64>) {
        // A clock that was set back does not stop the check.
        let is_early = |last: u64| (last..last.saturating_add(DISTANCE_SECONDS)).contains(&seconds);
        if self.last_seconds.is_some_and(is_early) {
            return;
        }
        self.last_seconds = Some(seconds);
        self.value = value.filter(|value| !value.is_nan());
        match self.value {
            None => {
                self.unreadable = self.unreadable.saturating_add(1);
                (self.over, self.within) = (0, 0);
            }
            Some(value) => {
                self.unreadable = 0;
                (self.over, self.within) = if self.is_over(value) {
                    (self.over.saturating_add(1), 0)
                } else {
                    (0, self.within.saturating_add(1))
                };
            }
        }
        self.is_failed |= self.over >= CONSECUTIVE;
    }

    /// Counts the samples anew, after a person has acknowledged the failure.
    pub fn renew(&mut self) {
        self.over = 0;
        self.is_failed = false;
    }

    /// Returns true if it has failed, and as many samples in a row as it needs to fail were within the bound since then.
    pub fn has_recovered(&self) -> bool {
        self.is_failed && self.within >= CONSECUTIVE
    }

    /// Returns the last value that was read.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Returns whether the metric could not be read in five attempts.
    pub fn is_unreadable_for_long(&self) -> bool {
        self.unreadable >= NOTIFY_AFTER
    }

    fn is_over(&self, value: f64) -> bool {
        match self.bad_side {
            BadSide::Above => value > self.bound,
            BadSide::Below => value < self.bound,
        }
    }

    /// Returns the status and its reason at a time in seconds.
    pub fn look(&self, seconds: u64) -> (Status, Reason) {
        let is_stale = |last: u64| seconds.abs_diff(last) > STALE_SECONDS;
        match (self.is_failed, self.value) {
            (true, _) => (Status::Fail, Reason::OverBound),
            (false, _) if self.last_seconds.is_none_or(is_stale) => (Status::Inconclusive, Reason::NoSample),
            (false, None) => (Status::Inconclusive, Reason::Unreadable),
            (false, Some(value)) if self.is_over(value) => (Status::Inconclusive, Reason::OverBound),
            (false, Some(_)) => (Status::Pass, Reason::Met),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above() -> SampleCheck {
        SampleCheck::new(BadSide::Above, 0.9)
    }

    #[test]
    fn three_consecutive_samples_fail() {
        let mut check = above();
        assert_eq!(check.look(0), (Status::Inconclusive, Reason::NoSample));
        check.sample(0, Some(0.95));
        check.sample(10, Some(0.95));
        assert_eq!(check.look(10), (Status::Inconclusive, Reason::OverBound));
        check.sample(20, Some(0.5));
        assert_eq!(check.look(20), (Status::Pass, Reason::Met));
        for seconds in [30, 40, 50] {
            check.sample(seconds, Some(0.91));
        }
        assert_eq!(check.look(50), (Status::Fail, Reason::OverBound));
        check.sample(60, Some(0.1));
        assert_eq!(check.look(500).0, Status::Fail);
    }

    #[test]
    fn three_samples_within_the_bound_are_a_recovery() {
        let mut check = above();
        let mut seconds = 0;
        let mut sample = |check: &mut SampleCheck, value: Option<f64>| {
            check.sample(seconds, value);
            seconds += 10;
        };
        for value in [0.5, 0.5, 0.5, 1.0, 1.0, 1.0] {
            sample(&mut check, Some(value));
            assert!(!check.has_recovered());
        }
        for value in [
            Some(0.5),
            Some(0.5),
            None,
            Some(0.5),
            Some(0.5),
            Some(1.0),
            Some(0.5),
            Some(0.5),
        ] {
            sample(&mut check, value);
            assert!(!check.has_recovered(), "{value:?}");
        }
        sample(&mut check, Some(0.5));
        assert!(check.has_recovered());
        check.renew();
        assert!(!check.has_recovered());
    }

    #[test]
    fn a_value_below_the_bound_can_be_the_bad_one() {
        let mut check = SampleCheck::new(BadSide::Below, 0.9);
        check.sample(0, Some(0.95));
        assert_eq!(check.look(0), (Status::Pass, Reason::Met));
        for seconds in [10, 20, 30] {
            check.sample(seconds, Some(0.89));
        }
        assert_eq!(check.look(30).0, Status::Fail);
    }

    #[test]
    fn samples_closer_than_ten_seconds_count_once() {
        let mut check = above();
        for seconds in [0, 1, 2, 3, 10, 11] {
            check.sample(seconds, Some(1.0));
        }
        assert_eq!(check.look(11).0, Status::Inconclusive);
    }

    #[test]
    fn an_unreadable_metric_is_inconclusive() {
        let mut check = above();
        for attempt in 0..5 {
            assert!(!check.is_unreadable_for_long());
            check.sample(attempt * 10, if attempt % 2 == 0 { None } else { Some(f64::NAN) });
            assert_eq!(
                check.look(attempt * 10),
                (Status::Inconclusive, Reason::Unreadable)
            );
        }
        assert!(check.is_unreadable_for_long());
    }

    #[test]
    fn an_old_sample_does_not_pass() {
        let mut check = above();
        check.sample(1_000, Some(0.1));
        assert_eq!(check.look(1_060).0, Status::Pass);
        assert_eq!(check.look(1_061), (Status::Inconclusive, Reason::NoSample));
        // The clock was set back.
        check.sample(10, Some(0.1));
        assert_eq!(check.look(10).0, Status::Pass);
    }
}
