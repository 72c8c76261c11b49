//! The time that a plan has spent in its stage. It stops while the plan is paused.

use rules::Timestamp;
use serde::{Deserialize, Serialize};

/// The time that a plan has spent in its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageClock {
    /// The time up to the last pause, in milliseconds.
    passed_ms: i64,
    /// The start or the last resume; none while the clock is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "moment")]
    since: Option<Timestamp>,
}

impl StageClock {
    /// Starts a clock at zero.
    #[must_use]
    pub fn start(at: Timestamp) -> Self {
        Self {
            passed_ms: 0,
            since: Some(at),
        }
    }

    /// Returns the time that has passed, in milliseconds. A system clock that was set back adds nothing.
    #[must_use]
    pub fn passed_ms(self, now: Timestamp) -> i64 {
        let running = self.since.map_or(0, |since| now.0.saturating_sub(since.0));
        self.passed_ms.saturating_add(running.max(0))
    }

    /// Stops it.
    pub fn stop(&mut self, at: Timestamp) {
        self.passed_ms = self.passed_ms(at);
        self.since = None;
    }

    /// Sets the time that has passed, after the system clock has jumped. A running clock goes on from there.
    pub fn correct(&mut self, passed_ms: i64, at: Timestamp) {
        self.passed_ms = passed_ms.max(0);
        self.since = self.since.map(|_| at);
    }

    /// Returns true while it runs.
    #[must_use]
    pub fn is_running(self) -> bool {
        self.since.is_some()
    }

    /// Lets it continue.
    pub fn resume(&mut self, at: Timestamp) {
        if self.since.is_none() {
            self.since = Some(at);
        }
    }
}

mod moment {
    use rules::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Moment(#[serde(with = "crate::timestamp")] Timestamp);

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Moment).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let moment = Option::<Moment>::deserialize(deserializer)?;
        Ok(moment.map(|moment| moment.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_keeps_its_time() {
        let at = Timestamp;
        let mut clock = StageClock::start(at(1_000));
        assert_eq!(clock.passed_ms(at(4_000)), 3_000);
        clock.stop(at(4_000));
        assert_eq!(clock.passed_ms(at(90_000)), 3_000);
        clock.resume(at(90_000));
        clock.resume(at(95_000));
        assert_eq!(clock.passed_ms(at(91_000)), 4_000);
        assert_eq!(clock.passed_ms(at(0)), 3_000);
        clock.correct(2_000, at(500_000));
        assert_eq!(clock.passed_ms(at(501_000)), 3_000);
        clock.stop(at(501_000));
        clock.correct(1_000, at(0));
        assert_eq!((clock.passed_ms(at(900_000)), clock.is_running()), (1_000, false));
        let written = serde_json::to_value(clock).unwrap();
        assert_eq!(serde_json::from_value::<StageClock>(written).unwrap(), clock);
    }
}
