//! The results of the fetches of one issuer's keys: what metrics and readiness show, and since when fetches fail.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::jwks::FetchFailed;

/// The results of all fetches so far.
#[derive(Debug, Default)]
pub(crate) struct FetchLog {
    last_success: Option<SystemTime>,
    last_failure: Option<(SystemTime, String)>,
    /// When the first fetch failed of those since the last success, by both clocks.
    failing_since: Option<(Instant, SystemTime)>,
    counts: BTreeMap<&'static str, u64>,
}

impl FetchLog {
    /// Notes a fetch that succeeded at `at`.
    pub(crate) fn record_success(&mut self, at: SystemTime) {
        self.count("ok");
        self.last_success = Some(at);
        self.last_failure = None;
        self.failing_since = None;
    }

    /// Notes a fetch that failed at `at`.
    pub(crate) fn record_failure(&mut self, error: &FetchFailed, at: SystemTime) {
        self.count(error.code());
        self.last_failure = Some((at, error.to_string()));
        self.failing_since.get_or_insert_with(|| (Instant::now(), at));
    }

    /// When the last fetch succeeded.
    pub(crate) fn last_success(&self) -> Option<SystemTime> {
        self.last_success
    }

    /// When and why the last fetch failed, unless one succeeded since.
    pub(crate) fn last_failure(&self) -> Option<(SystemTime, String)> {
        self.last_failure.clone()
    }

    /// Since when every fetch failed; none where the last one succeeded.
    pub(crate) fn failing_since(&self) -> Option<SystemTime> {
        self.failing_since.map(|(_, at)| at)
    }

    /// When fetches will have failed for `keep`; none where they don't fail.
    pub(crate) fn expires_at(&self, keep: Duration) -> Option<Instant> {
        // A time that no clock can show is never reached.
        self.failing_since.and_then(|(since, _)| since.checked_add(keep))
    }

    /// The number of fetches by result: `ok`, or the code of a failure.
    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    fn count(&mut self, result: &'static str) {
        *self.counts.entry(result).or_default() += 1;
    }
}
