//! Time without the jumps of the system clock: it advances with the monotonic clock. No monotonic clock covers a restart:
//! there the system clock counts, so that a plan goes on while the process is down.

use std::sync::Arc;
use std::time::Duration;

use rules::Timestamp;
use serde::{Deserialize, Serialize};

/// Reads both clocks, one right after the other.
pub type Clocks = Arc<dyn Fn() -> ClockReading + Send + Sync>;

/// A reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct ClockReading {
    /// The system clock.
    pub system: Timestamp,
    /// The monotonic clock: the time since any fixed moment of this process.
    pub monotonic: Duration,
}

/// The steady time of the controller. It begins as the system clock.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SteadyClock {
    /// The system clock minus the steady time at the last reading, in milliseconds: the sum of the jumps.
    displaced_ms: i64,
    /// The steady time at the last reading, in milliseconds; none before the first.
    steady_ms: Option<i64>,
    /// The monotonic clock and the steady time, in milliseconds, at the first reading of this process. All later ones are
    /// compared with it: small differences do not add up unseen.
    #[serde(skip)]
    first: Option<(Duration, i64)>,
    /// The monotonic clock at the last reading of this process.
    #[serde(skip)]
    last: Duration,
}

impl SteadyClock {
    /// Advances the steady time to a reading, and returns it; none for a reading that is older than the last, which
    /// changes nothing.
    pub(super) fn advance(&mut self, now: ClockReading) -> Option<Timestamp> {
        if now.monotonic < self.last {
            return None;
        }
        let (first, first_steady_ms) = *self.first.get_or_insert_with(|| {
            let by_system = now.system.0.saturating_sub(self.displaced_ms);
            let steady_ms = self
                .steady_ms
                .map_or(now.system.0, |before| before.max(by_system));
            (now.monotonic, steady_ms)
        });
        let steady_ms = first_steady_ms.saturating_add(milliseconds(now.monotonic.saturating_sub(first)));
        self.steady_ms = Some(steady_ms);
        self.displaced_ms = now.system.0.saturating_sub(steady_ms);
        self.last = now.monotonic;
        Some(Timestamp(steady_ms))
    }

    /// Returns the steady time at the last reading.
    pub(super) fn steady(&self) -> Timestamp {
        Timestamp(self.steady_ms.unwrap_or(0))
    }

    /// Returns the steady time at a reading of the monotonic clock after the last reading.
    pub(super) fn steady_at(&self, monotonic: Duration) -> Timestamp {
        let since = match self.first {
            Some(_) => milliseconds(monotonic.saturating_sub(self.last)),
            None => 0,
        };
        Timestamp(self.steady().0.saturating_add(since))
    }

    /// Returns the sum of the jumps, in milliseconds: the system clock minus the steady time.
    pub(super) fn displaced_ms(&self) -> i64 {
        self.displaced_ms
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(system: i64, monotonic: u64) -> ClockReading {
        ClockReading {
            system: Timestamp(system),
            monotonic: Duration::from_millis(monotonic),
        }
    }

    #[test]
    fn a_jump_is_no_steady_time() {
        let mut clock = SteadyClock::default();
        assert_eq!(clock.advance(reading(1_000_000, 50)), Some(Timestamp(1_000_000)));
        assert_eq!(
            clock.advance(reading(1_005_000, 5_050)),
            Some(Timestamp(1_005_000))
        );
        // Forward by an hour, then back.
        assert_eq!(
            clock.advance(reading(4_610_000, 10_050)),
            Some(Timestamp(1_010_000))
        );
        assert_eq!(clock.displaced_ms(), 3_600_000);
        assert_eq!(
            clock.steady_at(Duration::from_millis(12_050)),
            Timestamp(1_012_000)
        );
        assert_eq!(
            clock.advance(reading(1_015_000, 15_050)),
            Some(Timestamp(1_015_000))
        );
        assert_eq!(clock.displaced_ms(), 0);
        assert_eq!(
            clock.advance(reading(i64::MIN, 15_060)),
            Some(Timestamp(1_015_010))
        );
        assert_eq!(
            clock.advance(reading(i64::MAX, 15_070)),
            Some(Timestamp(1_015_020))
        );
    }

    #[test]
    fn small_steps_are_no_steady_time() {
        for step in [900, -900] {
            let mut clock = SteadyClock::default();
            clock.advance(reading(1_000_000, 0));
            for looks in 1..=720_u32 {
                let (true_ms, stepped) = (i64::from(looks) * 5_000, i64::from(looks) * step);
                let now = reading(1_000_000 + true_ms + stepped, u64::from(looks) * 5_000);
                assert_eq!(clock.advance(now), Some(Timestamp(1_000_000 + true_ms)));
                assert_eq!(clock.displaced_ms(), stepped);
            }
        }
    }

    #[test]
    fn an_older_reading_adds_no_time() {
        let mut clock = SteadyClock::default();
        clock.advance(reading(1_000_000, 50));
        assert_eq!(
            clock.advance(reading(1_010_000, 10_050)),
            Some(Timestamp(1_010_000))
        );
        assert_eq!(clock.advance(reading(1_006_000, 6_050)), None);
        assert_eq!(
            clock.advance(reading(1_011_000, 11_050)),
            Some(Timestamp(1_011_000))
        );
        assert_eq!(clock.displaced_ms(), 0);
    }

    #[test]
    fn the_system_clock_counts_over_a_restart() {
        let mut clock = SteadyClock::default();
        clock.advance(reading(1_000_000, 50));
        let written = postcard::to_stdvec(&clock).unwrap();
        let restarted = || postcard::from_bytes::<SteadyClock>(&written).unwrap();
        assert_eq!(
            restarted().advance(reading(9_000_000, 1)),
            Some(Timestamp(9_000_000))
        );
        // A clock that was set back while the process was down adds nothing.
        let mut back = restarted();
        assert_eq!(back.advance(reading(400_000, 1)), Some(Timestamp(1_000_000)));
        assert_eq!(back.advance(reading(405_000, 5_001)), Some(Timestamp(1_005_000)));
    }
}
