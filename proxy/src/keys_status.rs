//! The status of the keys that an issuer publishes, for `/readyz` and `/metrics`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How the keys that an issuer publishes stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysStatus {
    /// The issuer's name.
    pub issuer: Box<str>,
    /// The number of usable keys; none where they were never fetched, or are kept no longer.
    pub keys: Option<usize>,
    /// When they were last fetched well.
    pub last_success: Option<SystemTime>,
    /// When and why the last fetch failed, unless one succeeded since.
    pub last_failure: Option<(SystemTime, String)>,
    /// Since when every fetch failed; none where the last one succeeded.
    pub failing_since: Option<SystemTime>,
    /// How long the last good keys are used after fetches began to fail; none: without limit.
    pub keep_keys: Option<Duration>,
    /// How many fetches came out how: `ok`, or the code of a failure.
    pub fetches: BTreeMap<&'static str, u64>,
}

impl KeysStatus {
    /// Returns true where there is a key that tokens can be verified with.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.keys.is_some_and(|keys| keys > 0)
    }
}
