//! The circuit breaker of one flag for one tenant: closed, open or half-open. All of it is in atomics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::window::{Window, WindowCounts};
use crate::split_mix::mix;

/// Of so many requests of a half-open breaker one is let through.
const TRIAL_ONE_IN: u64 = 10;
/// The successful trials in a row after which a half-open breaker closes.
const TRIALS: u64 = 5;
/// The time without a request after which a breaker that could be half-open closes, in microseconds.
const IDLE_US: u64 = 3_600_000_000;

/// The breaker of one tenant.
#[derive(Debug)]
pub(super) struct TenantBreaker {
    /// The hash of the tenant's id.
    hash: u64,
    id: Arc<str>,
    state: AtomicU64,
    window: Window,
    /// Requests of the half-open breaker.
    asked: AtomicU64,
    /// The time of the last of them.
    asked_at: AtomicU64,
}

/// The state, with times in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakerState {
    /// Requests that began at this time or later count.
    Closed { since: u64 },
    /// The flag is off until this time.
    Open { until: u64 },
    /// Some requests try. Those that began at this time or later count.
    HalfOpen { since: u64, successes: u64 },
    /// The table has given its place to another tenant. It is final: a request that found the entry before counts nothing,
    /// and opens nothing that nobody could close.
    Detached,
}

/// The permission of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// The breaker is not open.
    Closed,
    /// The flag is off for the request.
    Off,
    /// The request tries a half-open breaker.
    Trial,
}

/// The times of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTimes {
    pub(super) begun: u64,
    pub(super) ended: u64,
}

/// The bits of the state: its kind, the successful trials, the time.
const TIME_BITS: u32 = 56;
const TIME: u64 = (1 << TIME_BITS) - 1;
const SUCCESSES: u64 = 0x3f;
const KIND_SHIFT: u32 = TIME_BITS + 6;

impl BreakerState {
    fn packed(self) -> u64 {
        let (kind, successes, time) = match self {
            Self::Closed { since } => (0, 0, since),
            Self::Open { until } => (1, 0, until),
            Self::HalfOpen { since, successes } => (2, successes, since),
            Self::Detached => (3, 0, 0),
        };
        (kind << KIND_SHIFT) | ((successes & SUCCESSES) << TIME_BITS) | (time & TIME)
    }

    fn unpacked(packed: u64) -> Self {
        let time = packed & TIME;
        match packed >> KIND_SHIFT {
            0 => Self::Closed { since: time },
            1 => Self::Open { until: time },
            2 => Self::HalfOpen {
                since: time,
                successes: (packed >> TIME_BITS) & SUCCESSES,
            },
            _ => Self::Detached,
        }
    }

    /// Returns true if the flag is off for most requests of the tenant.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open { .. } | Self::HalfOpen { .. })
    }
}

impl TenantBreaker {
    pub(super) fn new(hash: u64, id: &str) -> Self {
        Self {
            hash,
            id: id.into(),
            state: AtomicU64::new(BreakerState::Closed { since: 0 }.packed()),
            window: Window::default(),
            asked: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(super) fn state(&self) -> BreakerState {
        BreakerState::unpacked(self.state.load(Ordering::Relaxed))
    }

    /// Detaches it if nothing is lost with it: it is closed, and no request counts. Returns true for the one thread that may
    /// give its place to another tenant. A thread that opens it changes the same state, so only one of the two succeeds.
    pub(super) fn detach_if_unused(&self, now: u64) -> bool {
        let held = self.state();
        matches!(held, BreakerState::Closed { .. })
            && self.window.counts(now) == WindowCounts::default()
            && self.replace(held, BreakerState::Detached)
    }

    pub(super) fn is_detached(&self) -> bool {
        self.state() == BreakerState::Detached
    }

    /// Replaces the state; false if another thread did so before.
    pub(super) fn replace(&self, held: BreakerState, next: BreakerState) -> bool {
        let (held, next) = (held.packed(), next.packed());
        let exchanged = self
            .state
            .compare_exchange(held, next, Ordering::Relaxed, Ordering::Relaxed);
        exchanged.is_ok()
    }

    /// Returns the permission of a request that begins now. Of a request that `may_try` and that is the first after the
    /// open time, the second value is true.
    pub(super) fn ask(&self, now: u64, may_try: bool) -> (Permission, bool) {
        let half_opened = match self.state() {
            BreakerState::Closed { .. } | BreakerState::Detached => return (Permission::Closed, false),
            BreakerState::Open { until } if now < until => return (Permission::Off, false),
            held @ BreakerState::Open { until } if may_try => {
                let half_open = BreakerState::HalfOpen {
                    since: until,
                    successes: 0,
                };
                self.replace(held, half_open)
            }
            BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => false,
        };
        if !may_try {
            return (Permission::Off, half_opened);
        }
        self.asked_at.store(now, Ordering::Relaxed);
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let permission = match self.is_trial(asked) {
            true => Permission::Trial,
            false => Permission::Off,
        };
        (permission, half_opened)
    }

    /// Returns true for one request of every ten. Its place among the ten is mixed, so that a client that repeats a
    /// sequence of ten requests does not try with the same one each time.
    fn is_trial(&self, asked: u64) -> bool {
        let ten = asked / TRIAL_ONE_IN;
        asked % TRIAL_ONE_IN == mix(ten ^ self.hash) % TRIAL_ONE_IN
    }

    /// Counts the end of a request while it is closed. Returns the counts of the last 60 s; none if it is not closed, or
    /// was not when the request began.
    pub(super) fn count(&self, times: RequestTimes, is_error: bool) -> Option<WindowCounts> {
        match self.state() {
            BreakerState::Closed { since } if times.begun >= since => {
                self.window.add(times.ended, is_error);
                Some(self.window.counts(times.ended))
            }
            _ => None,
        }
    }

    /// Returns the state after the end of a trial, which began at `begun`; none if the request was no trial of now.
    pub(super) fn after_trial(
        held: BreakerState,
        times: RequestTimes,
        is_error: bool,
        open_us: u64,
    ) -> Option<BreakerState> {
        let BreakerState::HalfOpen { since, successes } = held else {
            return None;
        };
        if times.begun < since {
            return None;
        }
        let successes = successes.saturating_add(1);
        Some(match is_error {
            true => BreakerState::Open {
                until: times.ended.saturating_add(open_us),
            },
            false if successes >= TRIALS => BreakerState::Closed { since: times.ended },
            false => BreakerState::HalfOpen { since, successes },
        })
    }

    /// Forgets the counts, which are of the time before it opened.
    pub(super) fn clear(&self) {
        self.window.clear();
    }

    /// Returns true if its time is over and its tenant has sent no request for an hour.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        let last = match self.state() {
            BreakerState::Closed { .. } | BreakerState::Detached => return false,
            BreakerState::Open { until } => until,
            BreakerState::HalfOpen { since, .. } => since,
        };
        let last = last.max(self.asked_at.load(Ordering::Relaxed));
        now >= last.saturating_add(IDLE_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_unpacked_as_it_was_packed() {
        for state in [
            BreakerState::Closed { since: 0 },
            BreakerState::Closed { since: TIME },
            BreakerState::Open { until: 7 },
            BreakerState::HalfOpen {
                since: 1 << 40,
                successes: 4,
            },
            BreakerState::Detached,
        ] {
            assert_eq!(BreakerState::unpacked(state.packed()), state);
        }
    }

    #[test]
    fn one_request_of_every_ten_tries() {
        let breaker = TenantBreaker::new(7, "acme");
        assert!(breaker.replace(breaker.state(), BreakerState::Open { until: 100 }));
        assert_eq!(breaker.ask(99, true), (Permission::Off, false));
        // A request of a route that does not count for the flag can't try.
        assert_eq!(breaker.ask(100, false), (Permission::Off, false));
        let mut places = Vec::new();
        for ten in 0..50 {
            let asked: Vec<_> = (0..10).map(|_| breaker.ask(101, true)).collect();
            assert_eq!(asked[0].1, ten == 0);
            let tries = asked.iter().filter(|asked| asked.0 == Permission::Trial);
            assert_eq!(tries.count(), 1);
            places.push(asked.iter().position(|asked| asked.0 == Permission::Trial));
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 5, "the places among ten vary: {places:?}");
    }
}
