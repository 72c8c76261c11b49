//! How often and how patiently keys are fetched.

use std::time::Duration;

/// How often and how patiently keys are fetched. The defaults are for production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchTiming {
    /// After a fetch that a request asked for, no request asks for another one for this long.
    pub cool_down: Duration,
    /// How long a request waits for a fetch, at most.
    pub wait: Duration,
    /// For how long a key that the issuer was found not to have is not asked for again.
    pub absent_for: Duration,
    /// How long a fetch may take, from the connection to the last byte.
    pub fetch_limit: Duration,
    /// The pause after a first failed fetch; it doubles with each further one.
    pub first_retry: Duration,
    /// The longest pause after failed fetches.
    pub longest_retry: Duration,
    /// The shortest time between two fetches, whatever is configured.
    pub shortest_refresh: Duration,
}

/// What a document says of an issuer's fetches. It may change while the keys stay in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshSettings {
    /// How often the keys are fetched.
    pub interval: Duration,
    /// How long the last good keys are used after fetches began to fail; none: without limit.
    pub keep_keys: Option<Duration>,
}

impl RefreshSettings {
    /// Terms in milliseconds.
    #[must_use]
    pub fn from_ms(interval_ms: u64, keep_keys_ms: Option<u64>) -> Self {
        Self {
            interval: Duration::from_millis(interval_ms),
            keep_keys: keep_keys_ms.map(Duration::from_millis),
        }
    }
}

impl Default for FetchTiming {
    fn default() -> Self {
        Self {
            cool_down: Duration::from_secs(10),
            wait: Duration::from_secs(2),
            absent_for: Duration::from_secs(30),
            fetch_limit: Duration::from_secs(5),
            first_retry: Duration::from_millis(500),
            longest_retry: Duration::from_secs(30),
            shortest_refresh: Duration::from_secs(1),
        }
    }
}

impl FetchTiming {
    /// The pause after so many failed fetches in a row: doubled each time up to a limit, of which `random`
    /// takes away up to a half so that many proxies don't come back together.
    pub(crate) fn pause_after_failures(&self, failures: u32, random: u64) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let pause = self.first_retry.saturating_mul(doubled).min(self.longest_retry);
        pause / 2 + part(pause / 2, random)
    }

    /// The pause until the next fetch of keys that are fetched every `interval`: a tenth more or less.
    pub(crate) fn pause_after_success(&self, interval: Duration, random: u64) -> Duration {
        let interval = interval.max(self.shortest_refresh);
        interval - interval / 10 + part(interval / 5, random)
    }
}

/// From nothing to the whole of `span`, as `random` is from 0 to its largest.
fn part(span: Duration, random: u64) -> Duration {
    span / 1_000 * u32::try_from(random % 1_001).unwrap_or(0)
}

#[cfg(test)]
mod tests;
