//! How many requests one actor may make, so that a script run wild does not keep the others out; and what is urgent
//! apart from the rest, so that it does not keep himself from that.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::route::Lane;

/// How many requests an actor may make in a second, on the average.
pub const REQUESTS_PER_SECOND: u32 = 200;
/// How many at once, after a pause.
pub const REQUESTS_AT_ONCE: u32 = 2_000;
/// How many urgent changes an actor may make in a second besides, on the average, whatever else he asked.
pub const URGENT_PER_SECOND: u32 = 20;
/// How many of them at once, after a pause.
pub const URGENT_AT_ONCE: u32 = 200;
/// How many changes all admins of an org may make in a minute, on the average: they are the customers, and each change is
/// an entry in the audit log for ever.
pub const ORG_CHANGES_PER_MINUTE: u32 = 10;
/// How many of them at once, after a pause.
pub const ORG_CHANGES_AT_ONCE: u32 = 100;
/// Most actors that are counted apart; beyond that, those who have paused are forgotten.
const MAX_ACTORS: usize = 10_000;

/// Counts requests by actor and by the way they come.
pub(crate) struct Throttle {
    common: Actors,
    urgent: Actors,
    orgs: Actors,
    clock: DefaultClock,
}

type Actors = RateLimiter<String, HashMapStateStore<String>, DefaultClock>;

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            common: actors(Quota::per_second, REQUESTS_PER_SECOND, REQUESTS_AT_ONCE),
            urgent: actors(Quota::per_second, URGENT_PER_SECOND, URGENT_AT_ONCE),
            orgs: actors(Quota::per_minute, ORG_CHANGES_PER_MINUTE, ORG_CHANGES_AT_ONCE),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request; how long to wait where there were too many. What is urgent has a reserve of its own
    /// beyond what everything has.
    pub(crate) fn asked(&self, actor: &str, lane: Lane) -> Option<Duration> {
        let wait = self.counted(&self.common, actor)?;
        match lane {
            Lane::Common => Some(wait),
            Lane::Urgent => self.counted(&self.urgent, actor),
        }
    }

    /// Counts a change by one of an org's admins; how long to wait where there were too many.
    pub(crate) fn changed(&self, org: &str) -> Option<Duration> {
        self.counted(&self.orgs, org)
    }

    fn counted(&self, requests: &Actors, actor: &str) -> Option<Duration> {
        if requests.len() >= MAX_ACTORS {
            requests.retain_recent();
        }
        let key = if requests.len() >= MAX_ACTORS { "" } else { actor };
        let refused = requests.check_key(&key.to_owned()).err()?;
        Some(refused.wait_time_from(self.clock.now()))
    }
}

fn actors(per: impl Fn(NonZeroU32) -> Quota, average: u32, at_once: u32) -> Actors {
    let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    RateLimiter::hashmap(per(number(average)).allow_burst(number(at_once)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests are taken before one is refused.
    fn taken(throttle: &Throttle, lane: Lane) -> usize {
        (0..100_000)
            .position(|_| throttle.asked("ada", lane).is_some())
            .unwrap()
    }

    #[test]
    fn what_is_urgent_has_a_reserve_that_looks_do_not_use_up_and_that_ends() {
        let throttle = Throttle::new();
        assert!(taken(&throttle, Lane::Common) >= REQUESTS_AT_ONCE as usize);
        assert!(taken(&throttle, Lane::Urgent) >= URGENT_AT_ONCE as usize);
        assert!(throttle.asked("bob", Lane::Common).is_none());
    }
}
