//! Limits failed sign-ins by address, which slows guessing and bounds the audit log; and the searches among static tokens
//! without an id, so that a flood of invalid credentials does not delay the other requests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::RwLock;

/// The number of failed sign-ins from one address (IPv6: one /64) per minute.
pub const FAILURES_PER_MINUTE: u32 = 10;
/// The largest number of addresses with a count of their own; the others share one.
pub const MAX_PEERS: usize = 10_000;

/// The number of searches per second among tokens whose hashes have no id, for all addresses with too many failed sign-ins
/// together.
const SUSPENDED_SEARCHES_PER_SECOND: u32 = 50;
/// The same for all other addresses together.
const SEARCHES_PER_SECOND: u32 = 200;

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// Counts of failed sign-ins.
pub(super) struct Attempts {
    failures: Limiter,
    /// The addresses with too many failures, and until when.
    suspended: RwLock<HashMap<IpAddr, Instant>>,
    suspended_searches: DefaultDirectRateLimiter,
    searches: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            failures: RateLimiter::hashmap(Quota::per_minute(number(FAILURES_PER_MINUTE))),
            suspended: RwLock::default(),
            suspended_searches: RateLimiter::direct(Quota::per_second(number(SUSPENDED_SEARCHES_PER_SECOND))),
            searches: RateLimiter::direct(Quota::per_second(number(SEARCHES_PER_SECOND))),
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
        let wait = refused.wait_time_from(self.clock.now());
        self.suspend(key, Instant::now(), wait);
        Some(wait)
    }

    /// Counts a search among tokens whose hashes have no id, and returns the time to wait if it exceeds its quota.
    pub(super) fn may_search(&self, peer: IpAddr) -> Result<(), Duration> {
        let until = self.suspended.read().get(&counted_as(peer)).copied();
        let quota = match until.is_some_and(|until| Instant::now() < until) {
            true => &self.suspended_searches,
            false => &self.searches,
        };
        let exceeded = quota.check();
        exceeded.map_err(|exceeded| exceeded.wait_time_from(self.clock.now()))
    }

    fn suspend(&self, peer: IpAddr, now: Instant, wait: Duration) {
        let mut suspended = self.suspended.write();
        if suspended.len() >= MAX_PEERS {
            suspended.retain(|_, until| now < *until);
        }
        if suspended.len() < MAX_PEERS {
            suspended.insert(peer, now + wait);
        }
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
