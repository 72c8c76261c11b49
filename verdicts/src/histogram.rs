//! A log-linear latency histogram: 16 buckets for each power of two, so that a bucket's midpoint is within 3.2 % of
//! every latency in it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The number of buckets for each power of two, as a power of two.
const SPLIT_BITS: u32 = 4;
const SPLIT: u64 = 1 << SPLIT_BITS;
/// The last bucket: latencies of 2^36 microseconds (19 hours) and more.
pub const LAST_BUCKET: u16 = 32 * 16 + 16;

/// Returns the bucket of a latency.
pub fn bucket(latency: Duration) -> u16 {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    if micros < SPLIT {
        return u16::try_from(micros).unwrap_or(LAST_BUCKET);
    }
    let shift = 63 - micros.leading_zeros() - SPLIT_BITS;
    let index = u64::from(shift) * SPLIT + (micros >> shift);
    u16::try_from(index).unwrap_or(LAST_BUCKET).min(LAST_BUCKET)
}

/// Returns the smallest latency of a bucket.
pub fn lower_edge(bucket: u16) -> Duration {
    let index = u64::from(bucket);
    let micros = match (index / SPLIT).checked_sub(1) {
        None => index,
        Some(shift) => (index % SPLIT + SPLIT) << shift,
    };
    Duration::from_micros(micros)
}

/// Returns the first bucket whose latencies are all at or above `bound`. A request in an earlier bucket is not
/// counted as above the bound: the rounding is against failing.
pub fn first_at_or_above(bound: Duration) -> u16 {
    let found = bucket(bound);
    if lower_edge(found) >= bound {
        found
    } else {
        found.saturating_add(1)
    }
}

/// Counts of requests by bucket, sorted by bucket, without empty buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram(Vec<(u16, u32)>);

impl Histogram {
    /// Creates a histogram from counts in any order; counts of one bucket are added.
    pub fn new(counts: impl IntoIterator<Item = (u16, u32)>) -> Self {
        let mut histogram = Self::default();
        for (bucket, count) in counts {
            histogram.add(bucket, count);
        }
        histogram
    }

    /// Adds `count` requests to a bucket.
    pub fn add(&mut self, bucket: u16, count: u32) {
        if count == 0 {
            return;
        }
        let bucket = bucket.min(LAST_BUCKET);
        match self.0.binary_search_by_key(&bucket, |(at, _)| *at) {
            Ok(at) => {
                if let Some((_, held)) = self.0.get_mut(at) {
                    *held = held.saturating_add(count);
                }
            }
            Err(at) => self.0.insert(at, (bucket, count)),
        }
    }

    /// Adds the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.add(*bucket, *count);
        }
    }

    /// Returns the number of requests.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Returns the number of requests in `first` and the buckets after it.
    pub fn count_from(&self, first: u16) -> u64 {
        self.0
            .iter()
            .rev()
            .take_while(|(bucket, _)| *bucket >= first)
            .map(|(_, count)| u64::from(*count))
            .sum()
    }

    /// Returns the bucket that contains the quantile, or nothing if there are no requests.
    pub fn quantile_bucket(&self, quantile: f64) -> Option<u16> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rank; an error of 2^-53 is far below a bucket"
        )]
        let rank = self.total() as f64 * quantile;
        let mut seen = 0.0;
        for (bucket, count) in &self.0 {
            seen += f64::from(*count);
            if seen >= rank {
                return Some(*bucket);
            }
        }
        None
    }

    /// Returns the midpoint of the bucket that contains the quantile.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let bucket = self.quantile_bucket(quantile)?;
        Some((lower_edge(bucket) + lower_edge(bucket.saturating_add(1))) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_within_five_percent() {
        for micros in (1..100_000_u64)
            .chain((0..40).map(|power| (1 << power) * 3 / 2))
            .filter(|m| *m < 1 << 36)
        {
            let latency = Duration::from_micros(micros);
            let found = bucket(latency);
            let (low, high) = (lower_edge(found), lower_edge(found + 1));
            assert!(low <= latency && latency < high, "{micros}: {low:?} {high:?}");
            let middle = (low + high).as_secs_f64() / 2.0;
            assert!(
                (middle / latency.as_secs_f64() - 1.0).abs() < 0.05 || micros < 20,
                "{micros}"
            );
        }
    }

    #[test]
    fn bounds_are_rounded_up() {
        let bound = Duration::from_secs(2);
        let first = first_at_or_above(bound);
        assert!(lower_edge(first) >= bound);
        assert!(lower_edge(first - 1) < bound);
    }

    #[test]
    fn quantiles_come_from_the_counts() {
        let histogram = Histogram::new([(30, 95), (200, 5)]);
        assert_eq!(histogram.quantile_bucket(0.95), Some(30));
        assert_eq!(histogram.quantile_bucket(0.96), Some(200));
        assert_eq!(histogram.count_from(31), 5);
        assert_eq!(Histogram::default().quantile_bucket(0.5), None);
    }
}
