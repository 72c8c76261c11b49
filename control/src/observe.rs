//! Observations of the running system that the control plane needs: decisions, errors and gates from the data plane,
//! kills from break-glass.

use rules::{BreakerEventKind, Timestamp};

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
    /// Number of requests that were answered without an error while the flag was on for them. Counted for flags before
    /// ga only.
    pub served: u64,
}

/// A tenant that opted in to a flag before ga or is on its allowlist, and was served a request with the flag on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedTenant {
    /// The flag's key.
    pub flag: String,
    /// The tenant's id.
    pub tenant: String,
}

/// The arm of a request for a planned flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArmName {
    /// Served by the current stage.
    Treatment,
    /// In the audience of the current stage, and held back by its bucket.
    Control,
    /// In the audience of the current stage, and opted in.
    OptedIn,
    /// Everyone else.
    Excluded,
}

impl ArmName {
    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Control => "control",
            Self::OptedIn => "opted_in",
            Self::Excluded => "excluded",
        }
    }
}

/// The requests of one observed flag in a slot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedSlot {
    /// The flag's key.
    pub flag: String,
    /// The counts of each unit and arm.
    pub units: Vec<ObservedUnit>,
    /// The number of requests that are in no unit's counts.
    pub uncounted: u64,
    /// The requests that count for another planned flag, too.
    pub overlaps: Vec<ObservedOverlap>,
}

/// The requests of a slot in an arm of two plans: treatment, control, or opted in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedOverlap {
    /// The key of the other flag.
    pub flag: String,
    /// The requests.
    pub requests: u64,
    /// The requests that neither plan excludes or holds back: for both they are treatment or opted in.
    pub treated_by_both: u64,
}

/// The requests of one unit in one arm of a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedUnit {
    /// The hash of the unit's id.
    pub unit: u64,
    /// The hash of its tenant's id.
    pub tenant: u64,
    /// The arm.
    pub arm: ArmName,
    /// All requests that an upstream should answer.
    pub requests: u32,
    /// The errors among them.
    pub errors: u32,
    /// The requests that count for verdicts.
    pub counted: Vec<CountedRequest>,
}

/// A request that counts for verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedRequest {
    /// The bucket of its latency (`verdicts::histogram`); none without an answer.
    pub bucket: Option<u16>,
    /// True if it met an error.
    pub is_error: bool,
}

/// An event of the circuit breaker of a flag for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerEvent {
    /// The kind.
    pub kind: BreakerEventKind,
    /// The flag's key.
    pub flag: String,
    /// The tenant's id.
    pub tenant: String,
    /// The time.
    pub at: Timestamp,
    /// The tenant's requests in the last 60 s; of a trial that failed, 1. 0 for half-open and closed.
    pub requests: u64,
    /// The errors among them.
    pub errors: u64,
}

/// The source of observations.
pub trait Observe: Send + Sync {
    /// Returns the totals of each flag since the process started; they only increase.
    fn flags(&self) -> Vec<FlagObservation>;

    /// Returns the tenants that were served a request with a flag on since the last call, as far as there was room to
    /// note them.
    fn take_served_tenants(&self) -> Vec<ServedTenant> {
        Vec::new()
    }

    /// Returns the keys of the flags that gates of the served snapshot name.
    fn gated(&self) -> Vec<String>;

    /// Returns the kills of this machine; none without break-glass.
    fn local_kills(&self) -> Vec<LocalKill> {
        Vec::new()
    }

    /// Ends the slot of each flag whose requests are counted by arm, and returns the counts.
    fn take_slots(&self) -> Vec<ObservedSlot> {
        Vec::new()
    }

    /// Returns the ids of tenants that observed flags were counted for since the last call, each with its hash.
    fn take_tenant_names(&self) -> Vec<(u64, String)> {
        Vec::new()
    }

    /// Returns the events of circuit breakers since the last call, in their order. An event that nobody took in time is
    /// dropped and logged.
    fn take_breaker_events(&self) -> Vec<BreakerEvent> {
        Vec::new()
    }

    /// Returns true if a gate with this flag answers the requests of subjects that it is off for, so that no upstream
    /// serves the control arm.
    fn answers_held_back(&self, _flag: &str) -> bool {
        false
    }
}
