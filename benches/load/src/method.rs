//! The numbers of the method.

use std::time::Duration;

/// The requests in flight in a closed loop.
pub(crate) const CONCURRENCY: usize = 32;
/// The requests in flight at most in an open loop.
pub(crate) const OPEN_CONCURRENCY: usize = 64;
/// The part of the slowest contestant's throughput that is the rate of the open loop.
pub(crate) const OPEN_RATE: f64 = 0.7;
/// The number of distinct tokens that every cache of tokens holds.
pub(crate) const CACHED_TOKENS: u32 = 1_000;
/// The time of the requests before each run, which fill caches and are not counted.
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);
