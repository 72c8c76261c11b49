//! The timing of key fetches.

use std::time::Duration;

/// The timing of key fetches. The defaults are for production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchTiming {
    /// Pause after a fetch for a request, in which no request starts another.
    pub cool_down: Duration,
    /// Maximum time that a request waits for a fetch.
    pub wait: Duration,
    /// Time for which a key id that the issuer does not publish is remembered as absent.
    pub absent_for: Duration,
    /// Maximum time of a fetch, from the connection to the last byte.
    pub fetch_limit: Duration,
    /// Pause after the first failed fetch. It doubles with each further failure.
    pub first_retry: Duration,
    /// Maximum pause after failed fetches.
    pub longest_retry: Duration,
    /// Minimum pause between two fetches, whatever is configured.
    pub shortest_refresh: Duration,
}

/// The configured refresh of an issuer's keys. It may change while the keys stay in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshSettings {
    /// Interval between fetches.
    pub interval: Duration,
    /// Time for which the last good keys are used after fetches begin to fail; none for no limit.
    pub keep_keys: Option<Duration>,
}

impl RefreshSettings {
    /// Creates settings from milliseconds.
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
    /// Returns the pause after consecutive failures: doubled each time up to the maximum, minus a random part of up
    /// to a half, so that many proxies do not retry at the same time.
    pub(crate) fn pause_after_failures(&self, failures: u32, random: u64) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let pause = self.first_retry.saturating_mul(doubled).min(self.longest_retry);
        pause / 2 + part(pause / 2, random)
    }

    /// Returns the pause until the next regular fetch: `interval`, with up to a tenth more or less.
    pub(crate) fn pause_after_success(&self, interval: Duration, random: u64) -> Duration {
        let interval = interval.max(self.shortest_refresh);
        interval - interval / 10 + part(interval / 5, random)
    }
}

/// Returns a part of `span` that `random` selects, from 0 to the whole.
fn part(span: Duration, random: u64) -> Duration {
    span / 1_000 * u32::try_from(random % 1_001).unwrap_or(0)
}

#[cfg(test)]
mod tests;
