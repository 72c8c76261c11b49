//! What is observed of the running system, as far as operating flags needs it. The data plane counts and break-glass
//! kills; this is how it comes here.

use crate::break_glass::LocalKill;

/// What was seen of one flag since the process began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagObservation {
    /// The flag's key.
    pub flag: String,
    /// How often it was decided.
    pub decisions: u64,
    /// Requests that were let through by it and met an error (5xx).
    pub errors: u64,
}

/// Where observations come from.
pub trait Observe: Send + Sync {
    /// What was seen of each flag since the process began; totals, which only grow.
    fn flags(&self) -> Vec<FlagObservation>;

    /// The keys of flags that a gate names, in the snapshot served.
    fn gated(&self) -> Vec<String>;

    /// The flags that are killed on this machine, whatever is kept of them; none where there is no break-glass.
    fn local_kills(&self) -> Vec<LocalKill> {
        Vec::new()
    }
}
