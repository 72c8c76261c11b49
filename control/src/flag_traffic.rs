//! The requests and errors of flags by minute, over the last hour, in bounded memory: only flags with requests have
//! counts. They are derived from the totals that the data plane counts anyway, and are lost with the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use rules::{MAX_FLAGS, Timestamp};

use crate::history::FlagIncrease;

/// The number of minutes that are kept, the current one included.
pub const TRAFFIC_MINUTES: usize = 60;
/// The length of a minute, in milliseconds.
const MINUTE_MS: i64 = 60_000;
const MINUTES: i64 = 60;

/// Numbers by minute, the oldest first.
pub(crate) type ByMinute = [u32; TRAFFIC_MINUTES];

/// The traffic of all flags with requests.
#[derive(Debug, Default)]
pub(crate) struct FlagTraffic {
    /// The time since when traffic is counted; none before the first observation.
    since: Option<Timestamp>,
    /// The latest minute since 1970 that was counted.
    minute: i64,
    /// By flag; at most [`MAX_FLAGS`].
    flags: BTreeMap<Box<str>, MinuteRing>,
}

/// The traffic of one flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlagMinutes {
    /// Its key.
    pub(crate) flag: String,
    /// The number of decisions for gates.
    pub(crate) requests: ByMinute,
    /// The number of responses of status 5xx to requests that it was on for, on routes whose gate names it.
    pub(crate) errors: ByMinute,
}

/// The counts of one flag; a minute has the place of its number modulo [`TRAFFIC_MINUTES`].
#[derive(Debug)]
struct MinuteRing {
    /// The last minute with requests or errors.
    last: i64,
    places: Box<[MinuteCounts; TRAFFIC_MINUTES]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct MinuteCounts {
    requests: u32,
    errors: u32,
}

impl FlagTraffic {
    /// Returns the time since when traffic is counted; none before the first observation.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Adds the increases of the totals to the minute of `now`. After a clock that ran back they are added to the latest
    /// minute, until the clock has reached it. The first call only begins the counting: its increases are the totals
    /// since the start of the process, which may be long ago.
    pub(crate) fn add(&mut self, now: Timestamp, increases: &[FlagIncrease]) {
        if self.since.is_none() {
            self.since = Some(now);
            return;
        }
        let minute = self.minute.max(minute_of(now));
        if minute > self.minute {
            self.minute = minute;
            // Here and not at each addition: reads all flags.
            self.flags
                .retain(|_, ring| minute.saturating_sub(ring.last) < MINUTES);
        }
        for increase in increases {
            let has_room = self.flags.len() < MAX_FLAGS;
            match self.flags.get_mut(&*increase.flag) {
                Some(ring) => ring.add(minute, increase),
                None if has_room => {
                    let mut ring = MinuteRing::new(minute);
                    ring.add(minute, increase);
                    self.flags.insert(increase.flag.as_str().into(), ring);
                }
                // Flags that were removed within the hour have all places.
                None => {}
            }
        }
    }

    /// Returns the start of the first of the minutes that are reported at `now`.
    pub(crate) fn first_minute(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.first(now).saturating_mul(MINUTE_MS))
    }

    /// Returns the traffic of at most `limit` flags after a key, in key order; of these flags only, if they are given.
    pub(crate) fn flags(
        &self,
        now: Timestamp,
        only: Option<&BTreeSet<&str>>,
        after: &str,
        limit: usize,
    ) -> Vec<FlagMinutes> {
        let first = self.first(now);
        let later = (Bound::Excluded(after), Bound::Unbounded);
        let recent = |flag: &str, ring: &MinuteRing| (ring.last >= first).then(|| ring.minutes(flag, first));
        match only {
            Some(keys) => {
                let keys = keys.range::<str, _>(later);
                let known = keys.filter_map(|key| recent(key, self.flags.get(*key)?));
                known.take(limit).collect()
            }
            None => {
                let flags = self.flags.range::<str, _>(later);
                let flags = flags.filter_map(|(flag, ring)| recent(flag, ring));
                flags.take(limit).collect()
            }
        }
    }

    /// Returns the traffic of one flag; zeros if it has none.
    pub(crate) fn flag(&self, now: Timestamp, flag: &str) -> FlagMinutes {
        let known = self.flags.get(flag);
        known.map_or_else(
            || FlagMinutes {
                flag: flag.to_owned(),
                requests: [0; TRAFFIC_MINUTES],
                errors: [0; TRAFFIC_MINUTES],
            },
            |ring| ring.minutes(flag, self.first(now)),
        )
    }

    fn first(&self, now: Timestamp) -> i64 {
        self.minute.max(minute_of(now)).saturating_sub(MINUTES - 1)
    }
}

impl MinuteRing {
    fn new(minute: i64) -> Self {
        Self {
            last: minute,
            places: Box::new([MinuteCounts::default(); TRAFFIC_MINUTES]),
        }
    }

    fn add(&mut self, minute: i64, increase: &FlagIncrease) {
        // The places of the minutes without requests still have the counts of an hour ago.
        let missed = minute.saturating_sub(self.last).min(MINUTES);
        for passed in 0..missed {
            if let Some(place) = self.places.get_mut(place_of(minute.saturating_sub(passed))) {
                *place = MinuteCounts::default();
            }
        }
        self.last = minute;
        let add = |count: &mut u32, more: u64| {
            *count = count.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        };
        if let Some(place) = self.places.get_mut(place_of(minute)) {
            add(&mut place.requests, increase.decisions);
            add(&mut place.errors, increase.errors);
        }
    }

    /// Returns the counts of the minutes from `first`.
    fn minutes(&self, flag: &str, first: i64) -> FlagMinutes {
        let oldest = self.last.saturating_sub(MINUTES - 1);
        let counts = (first..).map(|minute| {
            let is_known = (oldest..=self.last).contains(&minute);
            let place = self.places.get(place_of(minute)).filter(|_| is_known);
            place.copied().unwrap_or_default()
        });
        let (mut requests, mut errors) = ([0; TRAFFIC_MINUTES], [0; TRAFFIC_MINUTES]);
        for ((requests, errors), counts) in requests.iter_mut().zip(&mut errors).zip(counts) {
            (*requests, *errors) = (counts.requests, counts.errors);
        }
        FlagMinutes {
            flag: flag.to_owned(),
            requests,
            errors,
        }
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.0.div_euclid(MINUTE_MS)
}

fn place_of(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(MINUTES)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp(minute * MINUTE_MS + 30_000)
    }

    fn more(flag: &str, decisions: u64, errors: u64) -> FlagIncrease {
        FlagIncrease {
            flag: flag.to_owned(),
            decisions,
            errors,
        }
    }

    /// Returns the minutes of a flag that are not zero, as minutes before the last one, with requests and errors.
    fn counted(traffic: &FlagTraffic, now: i64, flag: &str) -> Vec<(usize, u32, u32)> {
        let minutes = traffic.flag(at(now), flag);
        let pairs = minutes.requests.into_iter().zip(minutes.errors).rev().enumerate();
        pairs
            .filter(|(_, counts)| *counts != (0, 0))
            .map(|(ago, (requests, errors))| (ago, requests, errors))
            .collect()
    }

    /// Returns a traffic that is counted.
    fn counting(minute: i64) -> FlagTraffic {
        let mut traffic = FlagTraffic::default();
        traffic.add(at(minute), &[more("board", 1_000, 1_000)]);
        traffic
    }

    #[test]
    fn traffic_is_kept_by_minute_for_an_hour() {
        let mut traffic = counting(100);
        assert_eq!((traffic.since(), traffic.flags.len()), (Some(at(100)), 0));
        traffic.add(at(100), &[more("board", 5, 1)]);
        traffic.add(at(100), &[more("board", 2, 0)]);
        traffic.add(at(101), &[more("board", 1, 0), more("export", 9, 9)]);
        assert_eq!(counted(&traffic, 101, "board"), [(0, 1, 0), (1, 7, 1)]);
        // Without traffic the minutes grow older, too.
        assert_eq!(counted(&traffic, 159, "board"), [(58, 1, 0), (59, 7, 1)]);
        assert_eq!(counted(&traffic, 160, "board"), [(59, 1, 0)]);
        assert_eq!(counted(&traffic, 161, "board"), []);
        assert!(traffic.flags(at(161), None, "", 10).is_empty());
        // A place of the ring is used again for a later minute.
        traffic.add(at(170), &[more("board", 3, 0)]);
        assert_eq!(counted(&traffic, 170, "board"), [(0, 3, 0)]);
        assert_eq!(traffic.flags.len(), 1, "export had no traffic for an hour");
        assert_eq!(traffic.first_minute(at(170)), Timestamp(111 * MINUTE_MS));
    }

    #[test]
    fn a_clock_that_runs_back_loses_no_traffic() {
        let mut traffic = counting(100);
        traffic.add(at(100), &[more("board", 1, 0)]);
        traffic.add(at(40), &[more("board", 1, 1)]);
        assert_eq!(counted(&traffic, 40, "board"), [(0, 2, 1)]);
        traffic.add(at(10_000), &[more("board", 4, 0)]);
        assert_eq!(counted(&traffic, 10_000, "board"), [(0, 4, 0)]);
    }

    #[test]
    fn only_flags_with_traffic_have_counts() {
        let mut traffic = counting(0);
        let all: Vec<_> = (0..MAX_FLAGS + 5)
            .map(|flag| more(&format!("f{flag:05}"), 1, 0))
            .collect();
        traffic.add(at(0), &all);
        assert_eq!(traffic.flags.len(), MAX_FLAGS);
        let page = traffic.flags(at(0), None, "f00010", 2);
        let keys: Vec<&str> = page.iter().map(|flag| &*flag.flag).collect();
        assert_eq!(keys, ["f00011", "f00012"]);
        traffic.add(at(60), &[]);
        assert_eq!(traffic.flags.len(), 0);
    }
}
