//! The facts of the running system that the policy needs.

use std::collections::BTreeSet;

/// Facts of the running system that the policy needs.
pub trait Facts {
    /// Returns the number of tenants that opted in to the flag, or are on its allowlist, and have it on.
    fn tenants_with(&self, flag: &str) -> usize;

    /// Returns the tenants whose records name one of these flags; none to search all records.
    fn tenants_naming(&self, _flags: &BTreeSet<&str>) -> Option<Vec<String>> {
        None
    }

    /// Returns the number of requests that the flag let through and that met an error (5xx) in the last `window_ms`
    /// milliseconds.
    fn errors_within(&self, flag: &str, window_ms: i64) -> u64;
}
