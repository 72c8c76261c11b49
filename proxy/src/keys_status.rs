//! The status of the keys that an issuer publishes, for `/readyz` and `/metrics`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The status of an issuer's published keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysStatus {
    /// The issuer's name.
    pub issuer: Box<str>,
    /// The number of usable keys; none if they were never fetched, or have expired.
    pub keys: Option<usize>,
    /// Time of the last successful fetch.
    pub last_success: Option<SystemTime>,
    /// Time and reason of the last failed fetch, unless one succeeded since.
    pub last_failure: Option<(SystemTime, String)>,
    /// Time since which every fetch failed; none after a success.
    pub failing_since: Option<SystemTime>,
    /// Time for which the last good keys are used after fetches begin to fail; none for no limit.
    pub keep_keys: Option<Duration>,
    /// The number of fetches by result: `ok`, or the code of a failure.
    pub fetches: BTreeMap<&'static str, u64>,
}

impl KeysStatus {
    /// Returns true if there is a key that can verify tokens.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.keys.is_some_and(|keys| keys > 0)
    }
}
