//! Why a change is refused: a stable code, a sentence and, where there is one, the cure.

use serde_json::{Map, Value};

/// The codes of refusals, each with the status of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// There is no such flag. 404.
    FlagNotFound,
    /// There is no such tenant. 404.
    TenantNotFound,
    /// The flag's kind has no lifecycle. 409.
    NoLifecycle,
    /// It is in that state already. 409.
    StateUnchanged,
    /// One state at a time. 409.
    StateSkipped,
    /// Not long enough in its present state. 409.
    SoakNotElapsed,
    /// A flag that it needs is not as far, or one that needs it is further. 409.
    FlagDependency,
    /// Too few tenants have it on. 409.
    ExitCriteria,
    /// Killed, restored or reverted too recently. 409.
    NotStable,
    /// It is killed, or a rollback of it is open. 409.
    RollbackOpen,
    /// It can't be turned back without harm. 409.
    NotRevertible,
    /// A role has not signed off. 409.
    SignOffMissing,
    /// Requests met errors while it was on. 409.
    FlagErrors,
    /// More tenants would change than may without `force`. 409.
    BlastRadius,
    /// A gate still names it. 409.
    FlagInUse,
    /// It is retired: it serves its final variant whatever else is set. 409.
    FlagRetired,
    /// The flags are managed by files. 409.
    ReadOnlySource,
    /// The flag is not open to opt-ins. 409.
    OptInClosed,
    /// The sign-off is of no role that the policy asks for. 409.
    UnknownSignOff,
    /// Whoever signs off has signed off for another role already. 409.
    SignOffTaken,
    /// The actor's role may not do this. 403.
    RoleMissing,
    /// The document would be invalid; the problems are those that `sluice check` prints. 422.
    InvalidDocument,
    /// What is written down of an urgent promotion says nothing. 422.
    InvalidUrgent,
    /// Somebody else changed something first. 412.
    RevisionConflict,
    /// The item exists already. 409.
    AlreadyExists,
    /// The store can't take it. 503.
    StoreUnavailable,
    /// What is kept is damaged. 503.
    StoreDamaged,
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Which.
    pub code: Code,
    /// A sentence with the facts in it.
    pub detail: String,
    /// What can be done about it.
    pub cure: Option<String>,
    /// The facts, for machines: `until`, `flags`, `needed`, ...
    pub facts: Map<String, Value>,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::FlagNotFound,
        Self::TenantNotFound,
        Self::NoLifecycle,
        Self::StateUnchanged,
        Self::StateSkipped,
        Self::SoakNotElapsed,
        Self::FlagDependency,
        Self::ExitCriteria,
        Self::NotStable,
        Self::RollbackOpen,
        Self::NotRevertible,
        Self::SignOffMissing,
        Self::FlagErrors,
        Self::BlastRadius,
        Self::FlagInUse,
        Self::FlagRetired,
        Self::ReadOnlySource,
        Self::OptInClosed,
        Self::UnknownSignOff,
        Self::SignOffTaken,
        Self::RoleMissing,
        Self::InvalidDocument,
        Self::InvalidUrgent,
        Self::RevisionConflict,
        Self::AlreadyExists,
        Self::StoreUnavailable,
        Self::StoreDamaged,
    ];

    /// As answers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::TenantNotFound => "TENANT_NOT_FOUND",
            Self::NoLifecycle => "NO_LIFECYCLE",
            Self::StateUnchanged => "STATE_UNCHANGED",
            Self::StateSkipped => "STATE_SKIPPED",
            Self::SoakNotElapsed => "SOAK_NOT_ELAPSED",
            Self::FlagDependency => "FLAG_DEPENDENCY",
            Self::ExitCriteria => "EXIT_CRITERIA",
            Self::NotStable => "NOT_STABLE",
            Self::RollbackOpen => "ROLLBACK_OPEN",
            Self::NotRevertible => "NOT_REVERTIBLE",
            Self::SignOffMissing => "SIGN_OFF_MISSING",
            Self::FlagErrors => "FLAG_ERRORS",
            Self::BlastRadius => "BLAST_RADIUS",
            Self::FlagInUse => "FLAG_IN_USE",
            Self::FlagRetired => "FLAG_RETIRED",
            Self::ReadOnlySource => "READ_ONLY_SOURCE",
            Self::OptInClosed => "OPT_IN_CLOSED",
            Self::UnknownSignOff => "UNKNOWN_SIGN_OFF",
            Self::SignOffTaken => "SIGN_OFF_TAKEN",
            Self::RoleMissing => "ROLE_MISSING",
            Self::InvalidDocument => "INVALID_DOCUMENT",
            Self::InvalidUrgent => "INVALID_URGENT",
            Self::RevisionConflict => "REVISION_CONFLICT",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::StoreDamaged => "STORE_DAMAGED",
        }
    }

    /// The status of its answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::FlagNotFound | Self::TenantNotFound => 404,
            Self::RoleMissing => 403,
            Self::RevisionConflict => 412,
            Self::InvalidDocument | Self::InvalidUrgent => 422,
            Self::StoreUnavailable | Self::StoreDamaged => 503,
            _ => 409,
        }
    }
}

impl Refusal {
    /// A refusal without a cure.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            cure: None,
            facts: Map::new(),
        }
    }

    /// The same with what can be done about it.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// The same with a fact more.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}
