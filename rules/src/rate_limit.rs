//! Rate limits of routes: a number of requests in a time and a burst, for each tenant or client.

use std::num::NonZeroU32;

/// The most requests of a rate or a burst.
pub const MAX_LIMIT: u32 = 1_000_000;

/// A rate limit of a route, counted for each tenant or client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The number of requests in `per_ms`.
    pub count: NonZeroU32,
    /// The time in milliseconds.
    pub per_ms: u64,
    /// The number of requests that may come at once after an idle time.
    pub burst: NonZeroU32,
    /// The party whose requests are counted.
    pub by: LimitBy,
}

/// The party whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitBy {
    /// A tenant; the client if there is no tenant.
    Tenant,
    /// A client's address; for IPv6 its network of 64 bits.
    Client,
}
