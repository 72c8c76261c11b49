//! The counts of one observed flag: totals by arm and outcome, and the slot that requests are counted in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use rules::{Arm, Cause};

use super::arm_of_request::ArmOfRequest;
use super::sample::Sample;
use super::unit_table::{Counted, UnitInArm, UnitTable};
use crate::duration_histogram::{Bounds, DurationHistogram};

/// Upper bounds of the duration buckets. 2 s is among them: it is a common bound of a check.
const BUCKETS: Bounds<12> = [
    5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
    30_000_000,
];
/// The longest time that a slot that was taken waits for requests that are counting into it.
const SETTLING: Duration = Duration::from_secs(1);

/// The durations of the requests of one arm.
pub(crate) type ArmDurations = DurationHistogram<{ BUCKETS.len() }>;

/// The arms that are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedArm {
    /// Served by the current stage.
    Treatment,
    /// In the audience of the current stage, and held back by its bucket.
    Control,
    /// In the audience of the current stage, and opted in.
    OptedIn,
    /// Everyone else.
    Excluded,
}

/// The end of a request for a flag that it counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// An upstream answered it without an error, after this time.
    Served(Duration),
    /// An upstream answered it with an error, after this time.
    Failed(Duration),
    /// No upstream answered it completely.
    Broken,
    /// Its client left before it was answered.
    Aborted,
    /// Sluice answered it.
    Answered,
}

/// The counts of one flag.
#[derive(Debug)]
pub struct FlagArms {
    key: Box<str>,
    /// The slot that requests are counted in.
    slot: ArcSwap<UnitTable>,
    /// Requests by arm and outcome.
    requests: [[AtomicU64; OUTCOMES.len()]; CountedArm::ALL.len()],
    durations: [ArmDurations; CountedArm::ALL.len()],
    /// Excluded requests by the cause of the decision.
    excluded: [AtomicU64; Cause::ALL.len()],
}

/// The outcomes of requests in metrics.
const OUTCOMES: [&str; 4] = ["ok", "error", "aborted", "answered"];

/// The counts of a slot that has ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TakenSlot {
    /// The counts of each unit and arm.
    pub units: Vec<TakenUnit>,
    /// The number of requests that are in no unit's counts, because there were too many units.
    pub uncounted: u64,
    /// The requests that count for another planned flag, too.
    pub overlaps: Vec<TakenOverlap>,
}

/// The requests of a slot in an arm of two plans: treatment, control, or opted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOverlap {
    /// The key of the other flag.
    pub flag: Box<str>,
    /// The requests.
    pub requests: u64,
    /// The requests that are treatment or opted in for both.
    pub treated_by_both: u64,
}

/// The counts of one unit in one arm of a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenUnit {
    /// The hash of the unit's id.
    pub unit: u64,
    /// The hash of its tenant's id.
    pub tenant: u64,
    /// The arm.
    pub arm: CountedArm,
    /// All requests that an upstream should answer.
    pub requests: u32,
    /// The errors among them.
    pub errors: u32,
    /// The requests that count for verdicts: the bucket of the latency (none without an answer), and true for an error.
    pub counted: Vec<(Option<u16>, bool)>,
}

impl CountedArm {
    /// All arms.
    pub const ALL: [Self; 4] = [Self::Treatment, Self::Control, Self::OptedIn, Self::Excluded];

    pub(crate) fn of(arm: Arm) -> Self {
        match arm {
            Arm::Treatment => Self::Treatment,
            Arm::Control => Self::Control,
            Arm::OptedIn => Self::OptedIn,
            Arm::Excluded(_) => Self::Excluded,
        }
    }

    /// Returns the name in metrics, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Control => "control",
            Self::OptedIn => "opted_in",
            Self::Excluded => "excluded",
        }
    }
}

impl RequestEnd {
    /// Returns true if it says something about the upstream.
    pub(super) fn is_of_upstream(self) -> bool {
        match self {
            Self::Served(_) | Self::Failed(_) | Self::Broken => true,
            Self::Aborted | Self::Answered => false,
        }
    }

    /// Returns the index of its outcome.
    fn outcome(self) -> usize {
        match self {
            Self::Served(_) => 0,
            Self::Failed(_) | Self::Broken => 1,
            Self::Aborted => 2,
            Self::Answered => 3,
        }
    }
}

impl FlagArms {
    pub(crate) fn new(key: &str) -> Self {
        Self {
            key: key.into(),
            slot: ArcSwap::from_pointee(UnitTable::new(0)),
            requests: Default::default(),
            durations: CountedArm::ALL.map(|_| DurationHistogram::new(&BUCKETS)),
            excluded: Default::default(),
        }
    }

    /// Returns the flag's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Counts a request; `request` is the hash of its id.
    pub(crate) fn count(&self, of: &ArmOfRequest, request: u64, end: RequestEnd) {
        let arm = CountedArm::of(of.arm);
        if let Some(cell) = self
            .requests
            .get(arm as usize)
            .and_then(|cells| cells.get(end.outcome()))
        {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        if let Arm::Excluded(cause) = of.arm
            && let Some(cell) = self.excluded.get(cause as usize)
        {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        let (latency, is_error) = match end {
            RequestEnd::Served(latency) => (Some(latency), false),
            RequestEnd::Failed(latency) => (Some(latency), true),
            RequestEnd::Broken => (None, true),
            RequestEnd::Aborted | RequestEnd::Answered => return,
        };
        if let Some((duration, latency)) = self.durations.get(arm as usize).zip(latency) {
            duration.observe(latency);
        }
        let Some(unit) = of.unit else {
            return;
        };
        let unit = UnitInArm {
            unit,
            tenant: of.tenant,
            arm: arm as u8,
        };
        let sample = Sample {
            bucket: latency.map(verdicts::histogram::bucket),
            is_error,
        };
        self.slot.load().count(unit, Counted { request, sample });
    }

    /// Ends the slot, and returns its counts. Later requests are counted in a new one. Blocks for a moment if requests are
    /// being counted.
    #[must_use]
    pub fn take_slot(&self) -> TakenSlot {
        let units = self.slot.load().units().count();
        let ended = self.slot.swap(Arc::new(UnitTable::new(units)));
        let begun = std::time::Instant::now();
        // A request holds the table for well under a microsecond, unless its thread was interrupted meanwhile.
        while Arc::strong_count(&ended) > 1 && begun.elapsed() < SETTLING {
            std::thread::yield_now();
        }
        let units = ended.units().map(|counts| {
            let unit = counts.unit();
            let (requests, errors) = counts.totals();
            TakenUnit {
                unit: unit.unit,
                tenant: unit.tenant,
                arm: *CountedArm::ALL
                    .get(usize::from(unit.arm))
                    .unwrap_or(&CountedArm::Excluded),
                requests,
                errors,
                counted: counts
                    .samples()
                    .map(|sample| (sample.bucket, sample.is_error))
                    .collect(),
            }
        });
        TakenSlot {
            units: units.collect(),
            uncounted: ended.uncounted(),
            overlaps: Vec::new(),
        }
    }

    /// Returns arm, outcome and count of all non-zero counts of requests.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let by_arm = CountedArm::ALL.into_iter().zip(&self.requests);
        by_arm.flat_map(|(arm, cells)| {
            OUTCOMES
                .into_iter()
                .zip(cells)
                .filter_map(move |(outcome, cell)| {
                    let counted = cell.load(Ordering::Relaxed);
                    (counted > 0).then_some((arm.as_str(), outcome, counted))
                })
        })
    }

    /// Returns the durations of the arms that have any.
    pub(crate) fn durations(&self) -> impl Iterator<Item = (CountedArm, &ArmDurations)> {
        let durations = CountedArm::ALL.into_iter().zip(&self.durations);
        durations.filter(|(_, durations)| !durations.is_empty())
    }

    /// Returns the number of excluded requests by the cause of the decision, where it is not zero.
    pub fn excluded(&self) -> impl Iterator<Item = (Cause, u64)> {
        Cause::ALL
            .into_iter()
            .zip(&self.excluded)
            .filter_map(|(cause, cell)| {
                let counted = cell.load(Ordering::Relaxed);
                (counted > 0).then_some((cause, counted))
            })
    }
}

#[cfg(test)]
mod tests;
