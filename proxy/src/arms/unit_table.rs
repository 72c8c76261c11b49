//! The counts of one slot by unit and arm: a table with open addressing. A request finds its unit's counts, or takes a
//! free place, without a lock and without an allocation.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::sample::{Sample, Samples};
use crate::split_mix::mix;

/// The fewest places of a table, and the most.
pub(crate) const MIN_PLACES: usize = 1 << 8;
pub(crate) const MAX_PLACES: usize = 1 << 15;
/// The most places that are searched for a unit.
const MAX_PROBES: usize = 64;

/// A unit in an arm: what is randomised, a tenant or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitInArm {
    /// The hash of the unit's id.
    pub(crate) unit: u64,
    /// The hash of its tenant's id.
    pub(crate) tenant: u64,
    /// The index of the arm, below 4.
    pub(crate) arm: u8,
}

/// The end of a request, as an arm counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The hash of the request's id.
    pub(crate) request: u64,
    /// Bucket of its latency, and whether it met an error.
    pub(crate) sample: Sample,
}

/// The counts of one unit in one arm.
#[derive(Debug, Default)]
pub(crate) struct UnitCounts {
    /// The unit and the arm; 0 while the place is free.
    key: AtomicU64,
    unit: AtomicU64,
    tenant: AtomicU64,
    requests: AtomicU32,
    errors: AtomicU32,
    samples: Samples,
}

/// The counts of one slot.
#[derive(Debug)]
pub(crate) struct UnitTable {
    places: Box<[UnitCounts]>,
    /// The number of requests whose unit found no place.
    uncounted: AtomicU64,
}

impl UnitInArm {
    /// Returns a number that is not 0 and differs for units and arms, except for one pair in 2^64.
    fn key(self) -> u64 {
        mix(self.unit ^ (u64::from(self.arm) << 62)).max(1)
    }
}

impl UnitTable {
    /// Creates a table for about `units` units and arms.
    pub(crate) fn new(units: usize) -> Self {
        let places = units.saturating_mul(2).next_power_of_two();
        let places = places.clamp(MIN_PLACES, MAX_PLACES);
        Self {
            places: (0..places).map(|_| UnitCounts::default()).collect(),
            uncounted: AtomicU64::new(0),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, unit: UnitInArm, counted: Counted) {
        match self.place(unit) {
            Some(counts) => counts.count(counted),
            None => {
                self.uncounted.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns the counts of a unit, or a free place that is now its own; none if all places that are searched are
    /// taken.
    fn place(&self, unit: UnitInArm) -> Option<&UnitCounts> {
        let key = unit.key();
        let first = usize::try_from(key).unwrap_or_default();
        let mask = self.places.len().wrapping_sub(1);
        for probe in 0..MAX_PROBES {
            let place = self.places.get(first.wrapping_add(probe) & mask)?;
            let held = place.key.load(Ordering::Relaxed);
            if held == key {
                return Some(place);
            }
            if held == 0 {
                match place
                    .key
                    .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed)
                {
                    Ok(_) => {
                        place.unit.store(unit.unit, Ordering::Relaxed);
                        place.tenant.store(unit.tenant, Ordering::Relaxed);
                        return Some(place);
                    }
                    Err(other) if other == key => return Some(place),
                    Err(_) => {}
                }
            }
        }
        None
    }

    /// Returns the places that are taken.
    pub(crate) fn units(&self) -> impl Iterator<Item = &UnitCounts> {
        self.places
            .iter()
            .filter(|place| place.key.load(Ordering::Relaxed) != 0)
    }

    /// Returns the number of requests whose unit found no place.
    pub(crate) fn uncounted(&self) -> u64 {
        self.uncounted.load(Ordering::Relaxed)
    }
}

impl UnitCounts {
    fn count(&self, counted: Counted) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if counted.sample.is_error {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        self.samples.add(counted.request, counted.sample);
    }

    /// Returns the unit and the arm.
    pub(crate) fn unit(&self) -> UnitInArm {
        let unit = self.unit.load(Ordering::Relaxed);
        let mut found = UnitInArm {
            unit,
            tenant: self.tenant.load(Ordering::Relaxed),
            arm: 0,
        };
        // The arm is the one with which the unit has this key.
        let key = self.key.load(Ordering::Relaxed);
        found.arm = (0..4)
            .find(|&arm| UnitInArm { arm, ..found }.key() == key)
            .unwrap_or_default();
        found
    }

    /// Returns the numbers of requests and of errors.
    pub(crate) fn totals(&self) -> (u32, u32) {
        let load = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        (load(&self.requests), load(&self.errors))
    }

    /// Returns the requests that count for verdicts.
    pub(crate) fn samples(&self) -> impl Iterator<Item = Sample> {
        self.samples.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::thread;

    use super::*;

    const OK: Sample = Sample {
        bucket: Some(100),
        is_error: false,
    };

    fn unit(number: u64, arm: u8) -> UnitInArm {
        UnitInArm {
            unit: mix(number),
            tenant: mix(number),
            arm,
        }
    }

    fn counted(request: u64) -> Counted {
        Counted {
            request: mix(request),
            sample: Sample {
                is_error: request.is_multiple_of(10),
                ..OK
            },
        }
    }

    #[test]
    fn threads_count_every_request_once_by_unit_and_arm() {
        let table = UnitTable::new(100);
        thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    for request in (thread..40_000).step_by(4) {
                        let arm = u8::try_from(request % 4).unwrap();
                        table.count(unit(request % 25, arm), counted(request));
                    }
                });
            }
        });
        let found: BTreeMap<(u64, u8), (u32, u32)> = table
            .units()
            .map(|counts| {
                let unit = counts.unit();
                ((unit.unit, unit.arm), counts.totals())
            })
            .collect();
        assert_eq!(found.len(), 100);
        let sum = found
            .values()
            .fold((0, 0), |sum, totals| (sum.0 + totals.0, sum.1 + totals.1));
        assert_eq!(sum, (40_000, 4_000));
        assert!(found.values().all(|totals| totals.0 == 400));
        assert_eq!(table.uncounted(), 0);
    }

    #[test]
    fn units_beyond_the_places_are_counted_together() {
        let table = UnitTable::new(0);
        let units = u64::try_from(MIN_PLACES).unwrap() * 2;
        for number in 0..units {
            table.count(unit(number, 0), counted(number));
        }
        let placed: u64 = table.units().map(|counts| u64::from(counts.totals().0)).sum();
        assert_eq!(placed + table.uncounted(), units);
        assert!(table.uncounted() >= units / 2);
    }
}
