//! How many requests one actor may make, so that a script run wild does not keep the others out.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// How many requests an actor may make in a second, on the average.
pub const REQUESTS_PER_SECOND: u32 = 200;
/// How many at once, after a pause.
pub const REQUESTS_AT_ONCE: u32 = 2_000;
/// Most actors that are counted apart; beyond that, those who have paused are forgotten.
const MAX_ACTORS: usize = 10_000;

/// Counts requests by actor.
pub(crate) struct Throttle {
    requests: RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
    clock: DefaultClock,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(number(REQUESTS_PER_SECOND)).allow_burst(number(REQUESTS_AT_ONCE));
        Self {
            requests: RateLimiter::hashmap(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request; how long to wait where there were too many.
    pub(crate) fn asked(&self, actor: &str) -> Option<Duration> {
        if self.requests.len() >= MAX_ACTORS {
            self.requests.retain_recent();
        }
        let key = if self.requests.len() >= MAX_ACTORS {
            ""
        } else {
            actor
        };
        let refused = self.requests.check_key(&key.to_owned()).err()?;
        Some(refused.wait_time_from(self.clock.now()))
    }
}
