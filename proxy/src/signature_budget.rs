//! The signatures of tokens that are verified for one client on routes with `auth: lenient`. There a bad token is not
//! refused, so that a client could send such tokens without end, and each would cost a verification.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::Quota;

use crate::keyed_limiter::{ClientKey, ElapsedClock, KeyedLimiter};

/// Verifications for one client in a second.
const RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Verifications for one client at once.
pub(crate) const BURST: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// The verifications that were made for each client.
#[derive(Debug)]
pub(crate) struct SignatureBudget(KeyedLimiter<ClientKey>);

impl SignatureBudget {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_second(RATE).allow_burst(BURST);
        Self(KeyedLimiter::new(quota, ElapsedClock::start()))
    }

    /// Counts a verification for a client; clients without a known address are counted together. Returns false if the
    /// budget is used up.
    pub(crate) fn take(&self, client: Option<IpAddr>) -> bool {
        self.0.count(&ClientKey::of(client)).is_ok()
    }
}
