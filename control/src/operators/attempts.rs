//! Limits failed sign-ins by address, which slows guessing and bounds the audit log.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// The number of failed sign-ins from one address (IPv6: one /64) per minute.
pub const FAILURES_PER_MINUTE: u32 = 10;
/// The largest number of addresses with a count of their own; the others share one.
pub const MAX_PEERS: usize = 10_000;

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// Counts of failed sign-ins.
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

    /// Counts a failure; returns the time to wait if there were too many.
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

/// Returns the address under which a peer is counted: of IPv6 the /64, since one client usually has all of its
/// addresses.
pub(crate) fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}
