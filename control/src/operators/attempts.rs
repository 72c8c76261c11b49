//! Limits failed sign-ins by address, which slows guessing and bounds the audit log; and orders the searches among static
//! tokens without an id, so that a flood of invalid credentials neither delays the other requests nor locks a valid token
//! of another address out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;

use super::searches::Searches;

/// The number of failed sign-ins from one address (IPv6: one /64) per minute.
pub const FAILURES_PER_MINUTE: u32 = 10;
/// The largest number of addresses with a count. Beyond it, those that have not failed for longest are forgotten.
pub const MAX_PEERS: usize = 10_000;

/// Counts of failed sign-ins.
pub(super) struct Attempts {
    peers: Mutex<Peers>,
    /// The searches of addresses with too many failures.
    suspended_searches: Searches,
    /// The searches of all other addresses.
    searches: Searches,
    clock: DefaultClock,
}

/// The addresses with failures, in two halves: once the newer one is full, the older one is dropped and the newer one
/// takes its place. An address that fails is moved to the newer half. Since an address shares its count with no other, a
/// flood from many addresses exhausts the count of none of the others.
#[derive(Default)]
struct Peers {
    newer: HashMap<IpAddr, Peer>,
    older: HashMap<IpAddr, Peer>,
}

/// An address with failures.
struct Peer {
    failures: DefaultDirectRateLimiter,
    /// The time until which it has too many failures.
    suspended_until: Option<Instant>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            peers: Mutex::default(),
            suspended_searches: Searches::new(),
            searches: Searches::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a failure; returns the time to wait if there were too many.
    pub(super) fn failed(&self, peer: IpAddr) -> Option<Duration> {
        let mut peers = self.peers.lock();
        let peer = peers.failing(counted_as(peer));
        let refused = peer.failures.check().err()?;
        let wait = refused.wait_time_from(self.clock.now());
        peer.suspended_until = Instant::now().checked_add(wait);
        Some(wait)
    }

    /// Returns the searches among tokens whose hashes have no id, for callers at this address. Those with too many
    /// failures have searches of their own, so that the others do not wait for them.
    pub(super) fn searches(&self, peer: IpAddr) -> &Searches {
        match self.peers.lock().are_suspended(counted_as(peer)) {
            true => &self.suspended_searches,
            false => &self.searches,
        }
    }
}

impl Peers {
    /// Returns an address that has failed now.
    fn failing(&mut self, address: IpAddr) -> &mut Peer {
        // Before the older half is dropped, so that the address keeps its count.
        let known = self.older.remove(&address);
        if !self.newer.contains_key(&address) && self.newer.len() >= MAX_PEERS / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer
            .entry(address)
            .or_insert_with(|| known.unwrap_or_else(Peer::new))
    }

    fn are_suspended(&self, address: IpAddr) -> bool {
        let peer = self.newer.get(&address).or_else(|| self.older.get(&address));
        let until = peer.and_then(|peer| peer.suspended_until);
        until.is_some_and(|until| Instant::now() < until)
    }
}

impl Peer {
    fn new() -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(FAILURES_PER_MINUTE).unwrap_or(NonZeroU32::MIN));
        Self {
            failures: RateLimiter::direct(quota),
            suspended_until: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    #[test]
    fn failures_of_many_addresses_exhaust_no_other_count() {
        let attempts = Attempts::new();
        let (flood, other) = (address(0), address(1));
        for _ in 0..FAILURES_PER_MINUTE {
            assert_eq!(attempts.failed(flood), None);
        }
        // More addresses than have a count, each with some failures; one address goes on throughout.
        for number in 2..25_000 {
            for _ in 0..2 {
                assert_eq!(attempts.failed(address(number)), None, "{number}");
            }
            if number % 1_000 == 0 {
                assert!(attempts.failed(flood).is_some(), "{number}");
            }
        }
        assert_eq!(attempts.failed(other), None);
        let peers = attempts.peers.lock();
        assert!(peers.newer.len() + peers.older.len() <= MAX_PEERS);
    }

    #[test]
    fn an_address_keeps_its_count_when_it_drops_the_older_half() {
        let attempts = Attempts::new();
        let flood = address(0);
        for _ in 0..FAILURES_PER_MINUTE {
            assert_eq!(attempts.failed(flood), None);
        }
        // The address is in the older half, and the newer one is full.
        for number in 1..u32::try_from(MAX_PEERS).unwrap() {
            assert_eq!(attempts.failed(address(number)), None);
        }
        assert_eq!(attempts.peers.lock().newer.len(), MAX_PEERS / 2);
        assert!(attempts.peers.lock().older.contains_key(&flood));
        assert!(attempts.failed(flood).is_some());
    }
}
