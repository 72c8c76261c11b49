//! The schedule of pings on an HTTP/2 connection to an upstream. A ping finds an upstream that hangs, or is gone behind a
//! proxy that keeps the TCP connection. Servers of gRPC close a connection with too many pings: by default more than two
//! that follow another within five minutes without a part of a response between them, or that come while no request is in
//! flight (gRPC proposal A8). This schedule has none of these.

use std::time::Duration;

use tokio::time::Instant;

/// Interval at which a connection is checked.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Number of checks in a row that find requests in flight and nothing read, before a ping.
const SILENT_CHECKS: u32 = 2;
/// Time between two pings without a part of a response between them: more than the five minutes of gRPC, because a ping
/// may be delayed on its way.
const MIN_INTERVAL: Duration = Duration::from_secs(330);

/// The pings of a connection so far.
#[derive(Debug, Default)]
pub(super) struct PingSchedule {
    silent_checks: u32,
    last: Option<Instant>,
    /// True once a part of a response was read after the last ping.
    has_read: bool,
}

impl PingSchedule {
    /// Returns true if a ping is to be sent now. Called at each [`CHECK_INTERVAL`]: `is_used` while requests are in
    /// flight, `has_read` if a part of a response has arrived since the last call.
    pub(super) fn is_due(&mut self, is_used: bool, has_read: bool, now: Instant) -> bool {
        self.has_read |= has_read;
        if has_read || !is_used {
            self.silent_checks = 0;
            return false;
        }
        self.silent_checks = self.silent_checks.saturating_add(1);
        let is_early = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < MIN_INTERVAL);
        if self.silent_checks < SILENT_CHECKS || is_early && !self.has_read {
            return false;
        }
        (self.last, self.has_read) = (Some(now), false);
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{CHECK_INTERVAL, PingSchedule};

    #[test]
    fn pings_follow_silence_and_are_rare_without_responses() {
        const NEVER: [u32; 0] = [];
        let start = Instant::now();
        let mut schedule = PingSchedule::default();
        let mut check = 0;
        let mut due = |is_used, has_read, checks: u32| -> Vec<u32> {
            let mut at = Vec::new();
            for place in 1..=checks {
                check += 1;
                if schedule.is_due(is_used, has_read, start + CHECK_INTERVAL * check) {
                    at.push(place);
                }
            }
            at
        };
        assert_eq!(due(false, false, 100), NEVER, "an idle connection");
        assert_eq!(due(true, false, 100), [2, 68], "a silent one: every 330 s");
        assert_eq!(due(true, true, 100), NEVER, "a busy one");
        assert_eq!(
            due(true, false, 10),
            [2],
            "a part of a response permits another ping"
        );
        assert_eq!(due(false, false, 1), NEVER);
        assert_eq!(due(true, false, 10), NEVER, "an early one");
    }
}
