//! The requests of one unit in one slot that count for verdicts: at most [`MAX_SAMPLES`], those whose ids have the
//! smallest hashes. Neither outcome nor order of requests has a part in the choice.

use std::sync::atomic::{AtomicU64, Ordering};

/// The most requests of one unit, arm and slot that count.
pub(crate) const MAX_SAMPLES: usize = 20;

/// The bits below the hash: bucket of the latency, error, and a bit that is always set.
const BUCKET_BITS: u32 = 10;
const NO_LATENCY: u64 = (1 << BUCKET_BITS) - 1;
const ERROR: u64 = 1 << BUCKET_BITS;
const TAKEN: u64 = ERROR << 1;
const HASH_BITS: u64 = !((TAKEN << 1) - 1);

/// A request that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The bucket of its latency; none if it has none.
    pub(crate) bucket: Option<u16>,
    /// True if it met an error.
    pub(crate) is_error: bool,
}

/// The requests that count so far. A cell is 0 or a sample below the hash of its request.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    cells: [AtomicU64; MAX_SAMPLES],
    /// The complement of an upper bound of the cells, once they are full; 0 before. It only rises: most requests of a busy
    /// unit are above the bound, and are not compared with each cell.
    above: AtomicU64,
}

impl Sample {
    fn packed(self, hash: u64) -> u64 {
        let bucket = self
            .bucket
            .map_or(NO_LATENCY, |bucket| u64::from(bucket).min(NO_LATENCY - 1));
        let error = if self.is_error { ERROR } else { 0 };
        (hash & HASH_BITS) | TAKEN | error | bucket
    }

    fn unpacked(packed: u64) -> Self {
        let bucket = packed & NO_LATENCY;
        Self {
            bucket: (bucket != NO_LATENCY).then(|| u16::try_from(bucket).unwrap_or(u16::MAX)),
            is_error: packed & ERROR != 0,
        }
    }
}

impl Samples {
    /// Adds a request by the hash of its id, unless enough with smaller hashes are there. Takes no lock: a cell that
    /// another thread changes meanwhile is read again.
    pub(crate) fn add(&self, hash: u64, sample: Sample) {
        let added = sample.packed(hash);
        if added > !self.above.load(Ordering::Relaxed) {
            return;
        }
        // Each repetition follows a success of another thread, which left smaller hashes in the cells.
        loop {
            let mut largest: Option<(&AtomicU64, u64)> = None;
            for cell in &self.cells {
                let held = cell.load(Ordering::Relaxed);
                if held == 0 {
                    largest = Some((cell, 0));
                    break;
                }
                if largest.is_none_or(|(_, most)| held > most) {
                    largest = Some((cell, held));
                }
            }
            let Some((cell, held)) = largest.filter(|(_, most)| *most == 0 || added < *most) else {
                return;
            };
            let exchanged = cell.compare_exchange(held, added, Ordering::Relaxed, Ordering::Relaxed);
            if exchanged.is_ok() {
                self.bound();
                return;
            }
        }
    }

    /// Sets the upper bound of full cells. A cell never gets larger, so the largest of them now is one.
    fn bound(&self) {
        let mut largest = 0;
        for cell in &self.cells {
            match cell.load(Ordering::Relaxed) {
                0 => return,
                held => largest = held.max(largest),
            }
        }
        self.above.fetch_max(!largest, Ordering::Relaxed);
    }

    /// Returns the requests that count, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Sample> {
        let held = self.cells.iter().map(|cell| cell.load(Ordering::Relaxed));
        held.filter(|held| *held != 0).map(Sample::unpacked)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::split_mix::mix;

    fn sample(number: u64) -> Sample {
        Sample {
            bucket: Some(u16::try_from(number % 500).unwrap()),
            is_error: number.is_multiple_of(3),
        }
    }

    fn expected(numbers: u64) -> Vec<Sample> {
        let mut hashed: Vec<u64> = (0..numbers).collect();
        hashed.sort_by_key(|number| mix(*number));
        hashed.into_iter().take(MAX_SAMPLES).map(sample).collect()
    }

    fn sorted(mut samples: Vec<Sample>) -> Vec<Sample> {
        samples.sort_by_key(|sample| (sample.bucket, sample.is_error));
        samples
    }

    #[test]
    fn the_smallest_hashes_are_kept_in_any_order() {
        for numbers in [0, 7, 20, 21, 5_000] {
            let (up, down) = (Samples::default(), Samples::default());
            for number in 0..numbers {
                up.add(mix(number), sample(number));
                let number = numbers - 1 - number;
                down.add(mix(number), sample(number));
            }
            let wanted = sorted(expected(numbers));
            assert_eq!(sorted(up.iter().collect()), wanted);
            assert_eq!(sorted(down.iter().collect()), wanted);
        }
    }

    #[test]
    fn threads_keep_the_same_samples_as_one() {
        let samples = Samples::default();
        thread::scope(|scope| {
            for thread in 0..4 {
                let samples = &samples;
                scope.spawn(move || {
                    for number in (thread..4_000).step_by(4) {
                        samples.add(mix(number), sample(number));
                    }
                });
            }
        });
        assert_eq!(sorted(samples.iter().collect()), sorted(expected(4_000)));
    }

    #[test]
    fn a_request_without_an_answer_has_no_latency() {
        let samples = Samples::default();
        let lost = Sample {
            bucket: None,
            is_error: true,
        };
        samples.add(0, lost);
        assert_eq!(samples.iter().collect::<Vec<_>>(), [lost]);
    }
}
