//! Counts failed sign-ins by address, so that guessing is slow and the log can't be flooded.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// How many sign-ins may fail from one address (IPv6: one /64) in a minute.
pub const FAILURES_PER_MINUTE: u32 = 10;
/// Most addresses that are counted apart; beyond that all others count as one.
pub const MAX_PEERS: usize = 10_000;

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// Failed sign-ins.
pub(super) struct Attempts {
    failures: Limiter,
    clock: DefaultClock,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let most = NonZeroU32::new(FAILURES_PER_MINUTE).unwrap_or(NonZeroU32::MIN);
        Self {
            failures: RateLimiter::hashmap(Quota::per_minute(most)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a failure; how long to wait where there were too many.
    pub(super) fn failed(&self, peer: IpAddr) -> Option<Duration> {
        if self.failures.len() >= MAX_PEERS {
            self.failures.retain_recent();
        }
        let key = if self.failures.len() >= MAX_PEERS {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        } else {
            counted_as(peer)
        };
        let refused = self.failures.check_key(&key).err()?;
        Some(refused.wait_time_from(self.clock.now()))
    }
}

/// As which address a peer is counted: IPv6 by its /64: whoever has one address has all of them.
pub(crate) fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}
