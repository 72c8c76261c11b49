//! Observations of the running system that the control plane needs: decisions, errors and gates from the data plane,
//! kills from break-glass.

use crate::break_glass::LocalKill;

/// The totals of one flag since the process started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagObservation {
    /// The flag's key.
    pub flag: String,
    /// Number of decisions.
    pub decisions: u64,
    /// Number of requests that the flag let through and that met an error (5xx).
    pub errors: u64,
}

/// The source of observations.
pub trait Observe: Send + Sync {
    /// Returns the totals of each flag since the process started; they only increase.
    fn flags(&self) -> Vec<FlagObservation>;

    /// Returns the keys of the flags that gates of the served snapshot name.
    fn gated(&self) -> Vec<String>;

    /// Returns the kills of this machine; none without break-glass.
    fn local_kills(&self) -> Vec<LocalKill> {
        Vec::new()
    }
}
