//! The circuit breaker of a rollout plan, which turns the flag off for one tenant.

use rules::Decimal;

/// A circuit breaker for single tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// The percentage of a tenant's requests that must meet an error.
    pub errors: Decimal,
    /// The number of requests within 60 s from which it counts; default 20.
    pub requests: u32,
    /// The time that the flag is off for the tenant, in milliseconds; default 15 min.
    pub for_ms: u64,
    /// True if it only reports when it would open.
    pub dry_run: bool,
}
