//! The results of fetching one issuer's keys, for metrics, readiness and the expiry of keys.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::jwks::FetchFailed;

/// The results of all fetches so far.
#[derive(Debug, Default)]
pub(crate) struct FetchLog {
    last_success: Option<SystemTime>,
    last_failure: Option<(SystemTime, String)>,
    /// Time of the first failure since the last success, by both clocks.
    failing_since: Option<(Instant, SystemTime)>,
    counts: BTreeMap<&'static str, u64>,
}

impl FetchLog {
    /// Records a successful fetch.
    pub(crate) fn record_success(&mut self, at: SystemTime) {
        self.count("ok");
        self.last_success = Some(at);
        self.last_failure = None;
        self.failing_since = None;
    }

    /// Records a failed fetch.
    pub(crate) fn record_failure(&mut self, error: &FetchFailed, at: SystemTime) {
        self.count(error.code());
        self.last_failure = Some((at, error.to_string()));
        self.failing_since.get_or_insert_with(|| (Instant::now(), at));
    }

    /// Returns the time of the last success.
    pub(crate) fn last_success(&self) -> Option<SystemTime> {
        self.last_success
    }

    /// Returns time and reason of the last failure, unless a fetch succeeded since.
    pub(crate) fn last_failure(&self) -> Option<(SystemTime, String)> {
        self.last_failure.clone()
    }

    /// Returns the time since which every fetch failed; none after a success.
    pub(crate) fn failing_since(&self) -> Option<SystemTime> {
        self.failing_since.map(|(_, at)| at)
    }

    /// Returns the time when fetches will have failed for `keep`; none while they succeed.
    pub(crate) fn expires_at(&self, keep: Duration) -> Option<Instant> {
        // An overflow of the clock means that the keys never expire.
        self.failing_since.and_then(|(since, _)| since.checked_add(keep))
    }

    /// Returns the number of fetches by result: `ok`, or the code of a failure.
    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    fn count(&mut self, result: &'static str) {
        *self.counts.entry(result).or_default() += 1;
    }
}
