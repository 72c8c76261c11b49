//! The facts of the running system that the policy needs.

use std::collections::BTreeSet;

use rules::Timestamp;
use serde_json::Value;

/// The tenants that opted in to a flag or are on its allowlist, and have it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pilots {
    /// The number of those that count: not internal, old enough, and served a request with the flag on.
    pub counted: usize,
    /// The number of internal ones.
    pub internal: usize,
    /// The number of those whose record is too new.
    pub young: usize,
    /// The number of those without a request that was served with the flag on.
    pub unserved: usize,
}

/// The present knowledge about an operator who signed off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The operator can sign in. The groups are none if they are not known now; those of the sign-off count then.
    Present {
        /// The groups.
        groups: Option<Vec<String>>,
    },
    /// The operator cannot sign in any more, or may no longer operate flags.
    Removed,
}

/// Facts of the running system that the policy needs.
pub trait Facts {
    /// Returns the tenants that opted in to the flag, or are on its allowlist, and have it on. One counts if its record
    /// was created at or before `created_by`, and if it was served a request with the flag on after `since`.
    fn pilots(&self, flag: &str, since: Timestamp, created_by: Timestamp) -> Pilots;

    /// Returns true if a request was served with the flag on after this time.
    fn is_served_since(&self, flag: &str, since: Timestamp) -> bool;

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

    /// Returns the names of the attributes that tokens and requests can have by the configuration; none if it is not known.
    fn request_attributes(&self) -> Option<Vec<String>> {
        None
    }

    /// Returns the time since which requests are observed without a gap; none if they always were.
    fn observed_since(&self) -> Option<Timestamp> {
        None
    }

    /// Returns the present knowledge about an operator.
    fn standing(&self, _operator: &str) -> Standing {
        Standing::Present { groups: None }
    }

    /// Returns the number of requests that the flag let through and that met an error (5xx) in the last `window_ms`
    /// milliseconds.
    fn errors_within(&self, flag: &str, window_ms: i64) -> u64;
}
