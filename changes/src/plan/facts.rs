//! The facts of the running system that the policy needs.

use std::collections::BTreeSet;

use serde_json::Value;

/// Facts of the running system that the policy needs.
pub trait Facts {
    /// Returns the number of tenants that opted in to the flag, or are on its allowlist, and have it on.
    fn tenants_with(&self, flag: &str) -> usize;

    /// Returns the tenants whose records name one of these flags; none to search all records.
    fn tenants_naming(&self, _flags: &BTreeSet<&str>) -> Option<Vec<String>> {
        None
    }

    /// Returns the stored record of the operators' fields of a flag, as it was when the flag was removed; none if there
    /// was no such flag.
    fn removed_state(&self, _flag: &str) -> Option<Value> {
        None
    }

    /// Returns true if operators are configured, so that several people can approve a plan.
    fn has_operators(&self) -> bool {
        true
    }

    /// Returns true if rollout plans are run: the flags are in a store.
    fn runs_plans(&self) -> bool {
        true
    }

    /// Returns the number of requests that the flag let through and that met an error (5xx) in the last `window_ms`
    /// milliseconds.
    fn errors_within(&self, flag: &str, window_ms: i64) -> u64;
}
