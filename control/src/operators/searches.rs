//! Searches among the static tokens whose hashes have no id. A search compares with all of them, so the searches of a
//! flood of invalid tokens take turns, at a limited rate. A caller waits for its turn and is not rejected: the turns are
//! first come, first served, and the admin listener bounds the number of callers that wait.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex, MutexGuard};

/// The number of hashes that are compared per second: about a tenth of a core.
const HASHES_PER_SECOND: u32 = 100_000;
/// The number of hashes that are compared without a pause; more than there are tokens.
const HASHES_BURST: u32 = 10_000;

/// A queue of searches.
pub(super) struct Searches {
    turn: Mutex<()>,
    hashes: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

/// The permission to search. The next caller's turn begins when it is dropped.
pub(super) struct Turn<'s> {
    _turn: MutexGuard<'s, ()>,
}

impl Searches {
    pub(super) fn new() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(number(HASHES_PER_SECOND)).allow_burst(number(HASHES_BURST));
        Self {
            turn: Mutex::new(()),
            hashes: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Waits for the turn of a search among this number of tokens.
    pub(super) async fn turn(&self, tokens: NonZeroU32) -> Turn<'_> {
        // A mutex of tokio is fair. The caller that has it is the only one that waits for the quota, so no later one can
        // be first.
        let turn = self.turn.lock().await;
        // More tokens than the burst would never be ready; there are at most as many as `MAX_STATIC_TOKENS`.
        while let Ok(Err(wait)) = self.hashes.check_n(tokens) {
            tokio::time::sleep(wait.wait_time_from(self.clock.now())).await;
        }
        Turn { _turn: turn }
    }
}
