//! A limit on how often a route may be asked: so many requests in a time, and so many at once, for each tenant or
//! client.

use std::num::NonZeroU32;

/// The most requests of a rate or a burst.
pub const MAX_LIMIT: u32 = 1_000_000;

/// How often a route may be asked, by each who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests
    pub count: NonZeroU32,
    /// in this time, in milliseconds.
    pub per_ms: u64,
    /// How many requests may come at once, after a time without any.
    pub burst: NonZeroU32,
    /// Who is counted.
    pub by: LimitBy,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitBy {
    /// Those of a tenant; of a client where there is no tenant.
    Tenant,
    /// Those of a client's address; of an IPv6 network of 64 bits.
    Client,
}
