//! What was observed of requests, as far as operating flags needs it. The data plane counts; this is how the
//! counts come here.

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
}
