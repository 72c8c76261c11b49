//! The last sampled request of each bucket of a histogram, written without a lock.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A sampled request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exemplar {
    /// The id of its trace.
    pub(crate) trace: u128,
    /// Its duration.
    pub(crate) duration: Duration,
    /// Its end, in milliseconds since 1970.
    pub(crate) ended_ms: u64,
}

/// The place of one exemplar: a sequence lock (Boehm, "Can seqlocks get along with programming language memory models?",
/// MSPC 2012). The sequence is odd while the fields change.
#[derive(Debug, Default)]
pub(crate) struct ExemplarSlot {
    sequence: AtomicU64,
    trace_high: AtomicU64,
    trace_low: AtomicU64,
    nanos: AtomicU64,
    ended_ms: AtomicU64,
}

impl Exemplar {
    /// Creates the exemplar of a request that ended at `at`.
    pub(crate) fn new(trace: u128, duration: Duration, at: SystemTime) -> Self {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            trace,
            duration,
            ended_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl ExemplarSlot {
    /// Replaces the exemplar. If another thread is replacing it, this one is dropped: either is as good.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the id")]
    pub(crate) fn set(&self, exemplar: Exemplar) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let is_free = sequence.is_multiple_of(2);
        let taken = sequence.wrapping_add(1);
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        if !is_free
            || self
                .sequence
                .compare_exchange(sequence, taken, acquire, relaxed)
                .is_err()
        {
            return;
        }
        // No field may be seen before the odd sequence.
        fence(Ordering::Release);
        let nanos = u64::try_from(exemplar.duration.as_nanos()).unwrap_or(u64::MAX);
        self.trace_high.store((exemplar.trace >> 64) as u64, relaxed);
        self.trace_low.store(exemplar.trace as u64, relaxed);
        self.nanos.store(nanos, relaxed);
        self.ended_ms.store(exemplar.ended_ms, relaxed);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    /// Returns the exemplar; none before the first, and while one is being replaced.
    pub(crate) fn read(&self) -> Option<Exemplar> {
        let sequence = self.sequence.load(Ordering::Acquire);
        if sequence == 0 || !sequence.is_multiple_of(2) {
            return None;
        }
        let relaxed = Ordering::Relaxed;
        let trace =
            u128::from(self.trace_high.load(relaxed)) << 64 | u128::from(self.trace_low.load(relaxed));
        let exemplar = Exemplar {
            trace,
            duration: Duration::from_nanos(self.nanos.load(relaxed)),
            ended_ms: self.ended_ms.load(relaxed),
        };
        // The fields were read before the sequence is read again.
        fence(Ordering::Acquire);
        (self.sequence.load(relaxed) == sequence).then_some(exemplar)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Instant;

    use super::*;

    /// An exemplar whose fields all follow from one number.
    fn of(number: u64) -> Exemplar {
        Exemplar {
            trace: u128::from(number) << 64 | u128::from(number),
            duration: Duration::from_nanos(number),
            ended_ms: number,
        }
    }

    #[test]
    fn an_exemplar_is_read_as_it_was_written() {
        let slot = ExemplarSlot::default();
        assert_eq!(slot.read(), None);
        slot.set(of(7));
        slot.set(of(8));
        assert_eq!(slot.read(), Some(of(8)));
    }

    #[test]
    fn no_exemplar_is_torn() {
        let (slot, stop) = (ExemplarSlot::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            for writer in 0..3 {
                let (slot, stop) = (&slot, &stop);
                scope.spawn(move || {
                    for number in (writer..).step_by(3) {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        slot.set(of(number));
                    }
                });
            }
            let (mut seen, mut torn, since) = (0, None, Instant::now());
            // A busy machine may start the writers late.
            while seen < 100_000 && torn.is_none() && since.elapsed() < Duration::from_secs(30) {
                if let Some(exemplar) = slot.read() {
                    torn = (exemplar != of(exemplar.ended_ms)).then_some(exemplar);
                    seen += 1;
                }
            }
            // Before any check, so that the writers end.
            stop.store(true, Ordering::Relaxed);
            assert_eq!(torn, None);
            assert!(seen > 1_000, "only {seen} were read");
        });
    }
}
