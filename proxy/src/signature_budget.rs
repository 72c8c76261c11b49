//! The signatures of tokens that are verified for one client on routes with `auth: lenient`. There a bad token is not
//! refused, so that a client could send such tokens without end, and each would cost a verification.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::Quota;

use crate::keyed_limiter::{ClientKey, ElapsedClock, KeyedLimiter};

/// Bad tokens of one client in a second.
const RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Bad tokens of one client at once.
const BURST: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// The verifications that failed for each client. Clients without a known address are counted together.
#[derive(Debug)]
pub(crate) struct SignatureBudget(KeyedLimiter<ClientKey>);

impl SignatureBudget {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_second(RATE).allow_burst(BURST);
        Self(KeyedLimiter::new(quota, ElapsedClock::start()))
    }

    /// Returns true if the budget of a client is used up. Counts nothing.
    pub(crate) fn is_used_up(&self, client: Option<IpAddr>) -> bool {
        self.0.wait(&ClientKey::of(client)).is_some()
    }

    /// Counts a verification that failed. Valid tokens cost nothing, so that clients behind one address stay identified.
    pub(crate) fn count_failure(&self, client: Option<IpAddr>) {
        // Counted even over the limit, which the next request finds.
        let _ = self.0.count(&ClientKey::of(client));
    }
}
