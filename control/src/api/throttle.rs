//! Rate limits of actors and orgs, so that one script can't block the other actors. Urgent changes have a quota of
//! their own, so that an actor's other requests can't block them.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::route::Lane;

/// The average number of requests per second for one actor.
pub const REQUESTS_PER_SECOND: u32 = 200;
/// The burst of requests for one actor, after a pause.
pub const REQUEST_BURST: u32 = 2_000;
/// The average number of urgent changes per second for one actor, in addition to its other requests.
pub const URGENT_PER_SECOND: u32 = 20;
/// The burst of urgent changes for one actor, after a pause.
pub const URGENT_BURST: u32 = 200;
/// The average number of changes per minute for all admins of one org. They are customers, and each change stays in the
/// audit log for ever.
pub const ORG_CHANGES_PER_MINUTE: u32 = 10;
/// The burst of changes for all admins of one org, after a pause.
pub const ORG_CHANGE_BURST: u32 = 100;
/// The number of actors that have a quota each. Beyond it, actors that have paused are dropped from the table; if that
/// is not enough, all requests share one quota.
const MAX_ACTORS: usize = 10_000;

/// The quotas of actors, by lane, and of orgs.
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
            common: actors(Quota::per_second, REQUESTS_PER_SECOND, REQUEST_BURST),
            urgent: actors(Quota::per_second, URGENT_PER_SECOND, URGENT_BURST),
            orgs: actors(Quota::per_minute, ORG_CHANGES_PER_MINUTE, ORG_CHANGE_BURST),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request, and returns the time to wait if its quota is used up. An urgent request uses the urgent quota
    /// once the common one is used up.
    pub(crate) fn count_request(&self, actor: &str, lane: Lane) -> Option<Duration> {
        let wait = self.count(&self.common, actor)?;
        match lane {
            Lane::Common => Some(wait),
            Lane::Urgent => self.count(&self.urgent, actor),
        }
    }

    /// Counts a change by an admin of the org, and returns the time to wait if the quota is used up.
    pub(crate) fn count_change(&self, org: &str) -> Option<Duration> {
        self.count(&self.orgs, org)
    }

    fn count(&self, requests: &Actors, actor: &str) -> Option<Duration> {
        if requests.len() >= MAX_ACTORS {
            requests.retain_recent();
        }
        let key = if requests.len() >= MAX_ACTORS { "" } else { actor };
        let rejected = requests.check_key(&key.to_owned()).err()?;
        Some(rejected.wait_time_from(self.clock.now()))
    }
}

fn actors(per: impl Fn(NonZeroU32) -> Quota, average: u32, burst: u32) -> Actors {
    let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    RateLimiter::hashmap(per(number(average)).allow_burst(number(burst)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of requests that are accepted before the first is rejected.
    fn accepted(throttle: &Throttle, lane: Lane) -> usize {
        (0..100_000)
            .position(|_| throttle.count_request("ada", lane).is_some())
            .unwrap()
    }

    #[test]
    fn urgent_requests_have_a_limited_reserve() {
        let throttle = Throttle::new();
        assert!(accepted(&throttle, Lane::Common) >= REQUEST_BURST as usize);
        assert!(accepted(&throttle, Lane::Urgent) >= URGENT_BURST as usize);
        assert!(throttle.count_request("bob", Lane::Common).is_none());
    }
}
