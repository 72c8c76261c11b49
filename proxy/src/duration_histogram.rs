//! A histogram of durations whose cells are counted without a lock, and read when `/metrics` is requested.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::exemplars::{Exemplar, ExemplarSlot};

/// Upper bounds of buckets, in microseconds, in rising order. A duration belongs to the first bucket whose bound is not
/// below it.
pub(crate) type Bounds<const N: usize> = [u32; N];

/// Counts of durations in `N` buckets, and in one for durations above the last bound.
#[derive(Debug)]
pub(crate) struct DurationHistogram<const N: usize> {
    bounds: &'static Bounds<N>,
    buckets: [AtomicU64; N],
    /// The number of durations above the last bound.
    above: AtomicU64,
    /// The last sampled request of each bucket.
    exemplars: [ExemplarSlot; N],
    exemplar_above: ExemplarSlot,
    /// The sum of all durations, in nanoseconds. It lasts for 584 years.
    nanos: AtomicU64,
}

impl<const N: usize> DurationHistogram<N> {
    pub(crate) fn new(bounds: &'static Bounds<N>) -> Self {
        Self {
            bounds,
            buckets: [const { AtomicU64::new(0) }; N],
            above: AtomicU64::new(0),
            exemplars: std::array::from_fn(|_| ExemplarSlot::default()),
            exemplar_above: ExemplarSlot::default(),
            nanos: AtomicU64::new(0),
        }
    }

    /// Counts a duration. Takes no lock, and allocates nothing.
    pub(crate) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let cell = self.buckets.get(self.index(nanos)).unwrap_or(&self.above);
        cell.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Keeps a sampled request, whose duration is counted by itself, as the exemplar of its bucket. Takes no lock, and
    /// allocates nothing.
    pub(crate) fn note_exemplar(&self, exemplar: Exemplar) {
        let nanos = u64::try_from(exemplar.duration.as_nanos()).unwrap_or(u64::MAX);
        let slot = self.exemplars.get(self.index(nanos));
        slot.unwrap_or(&self.exemplar_above).set(exemplar);
    }

    /// Returns the exemplar of each bucket, and that of the durations above the last bound.
    pub(crate) fn exemplars(&self) -> impl Iterator<Item = Option<Exemplar>> {
        let slots = self.exemplars.iter().chain([&self.exemplar_above]);
        slots.map(ExemplarSlot::read)
    }

    /// Returns true if no duration was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells().all(|cell| cell.load(Ordering::Relaxed) == 0)
    }

    /// Returns each bucket's upper bound in seconds, and the number of durations up to it.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut count = 0;
        self.bounds.iter().zip(&self.buckets).map(move |(bound, cell)| {
            count += cell.load(Ordering::Relaxed);
            (f64::from(*bound) / 1e6, count)
        })
    }

    /// Returns the number of durations above the last bound.
    pub(crate) fn above(&self) -> u64 {
        self.above.load(Ordering::Relaxed)
    }

    /// Returns the sum of all durations.
    pub(crate) fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// Returns the index of the bucket; the number of buckets for a duration above the last bound.
    #[inline]
    fn index(&self, nanos: u64) -> usize {
        let micros = u32::try_from(nanos.div_ceil(1_000)).unwrap_or(u32::MAX);
        // Without a branch for each bound, the comparisons are a few vector instructions.
        self.bounds.iter().filter(|bound| **bound < micros).count()
    }

    fn cells(&self) -> impl Iterator<Item = &AtomicU64> {
        self.buckets.iter().chain([&self.above])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds<3> = [1_000, 5_000, 2_000_000];

    #[test]
    fn a_duration_belongs_to_the_first_bound_not_below_it() {
        let histogram = DurationHistogram::new(&BOUNDS);
        assert!(histogram.is_empty());
        let durations = [
            Duration::ZERO,
            Duration::from_millis(1),
            Duration::from_nanos(1_000_001),
            Duration::from_secs(2),
            Duration::from_nanos(2_000_000_001),
            Duration::from_secs(7_200),
        ];
        for duration in durations {
            histogram.observe(duration);
        }
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(0.001, 2), (0.005, 3), (2.0, 4)]);
        assert_eq!(histogram.above(), 2);
        assert_eq!(histogram.sum(), durations.iter().sum::<Duration>());
        assert!(!histogram.is_empty());
    }

    #[test]
    fn a_duration_above_the_last_bound_makes_it_not_empty() {
        let histogram = DurationHistogram::new(&BOUNDS);
        histogram.observe(Duration::MAX);
        assert!(!histogram.is_empty());
        assert_eq!(histogram.above(), 1);
    }
}
