//! The reason of a rejected change: a stable code, a sentence and, if there is one, help.

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
    /// The flag is in that state already. 409.
    StateUnchanged,
    /// The promotion would skip a state. 409.
    StateSkipped,
    /// The flag has not been long enough in its present state. 409.
    SoakNotElapsed,
    /// A required flag is at an earlier state, or a dependent flag at a later one. 409.
    FlagDependency,
    /// Too few tenants have the flag on. 409.
    ExitCriteria,
    /// The flag was killed, restored or reverted too recently. 409.
    NotStable,
    /// The flag is killed, or a rollback of it is open. 409.
    RollbackOpen,
    /// The definition does not say that the flag can be reverted without harm. 409.
    NotRevertible,
    /// The definition does not name the revert path of the flag. 409.
    NoRevertPath,
    /// An incident of the flag is open. 409.
    IncidentOpen,
    /// A role has not signed off. 409.
    SignOffMissing,
    /// Requests that the flag let through met errors. 409.
    FlagErrors,
    /// Reports of the same cause from different orgs are open. 409.
    OpenReports,
    /// The requests of the flag were not observed for the whole time in which errors count. 409.
    NotObserved,
    /// The change affects more tenants than the policy allows without `force`. 409.
    BlastRadius,
    /// A gate still names the flag. 409.
    FlagInUse,
    /// The flag is retired and serves its final variant regardless of other fields. 409.
    FlagRetired,
    /// The flags are managed by files. 409.
    ReadOnlySource,
    /// The flag is not open to opt-ins. 409.
    OptInClosed,
    /// The policy does not ask for a sign-off of this role. 409.
    UnknownSignOff,
    /// The actor has signed off for another role already. 409.
    SignOffTaken,
    /// The policy names other operators for a sign-off of this role. 403.
    SignerNotNamed,
    /// No such incident of the flag is open. 409.
    UnknownIncident,
    /// The flag has no room for another open incident. 409.
    TooManyIncidents,
    /// The flag has no rollout plan. 404.
    PlanNotFound,
    /// The rollout plan cannot advance. 422.
    InvalidPlan,
    /// A rollout plan decides over the rollout and the lifecycle of the flag. 409.
    RolloutRunning,
    /// The state of the rollout plan does not permit the operation. 409.
    RolloutState,
    /// A role has not approved the rollout plan. 409.
    ApprovalMissing,
    /// The actor has approved the rollout plan for another role already. 409.
    ApprovalTaken,
    /// The rollout plan does not ask for an approval of this role. 409.
    UnknownApproval,
    /// The checklist of the rollout plan has no such item. 409.
    UnknownItem,
    /// Items of the checklist of the rollout plan are open. 409.
    ChecklistOpen,
    /// The window of the rollout plan is closed. 409.
    OutsideWindow,
    /// The duration of the stage has not passed. 409.
    StageNotElapsed,
    /// A check of the stage has not passed. 409.
    CheckNotPassed,
    /// The rollout plan has changed since the step was computed. 409.
    StepOutdated,
    /// The flag has no open report with this id. 404.
    ReportNotFound,
    /// A text of the report is empty, too long or unreadable. 422.
    InvalidReport,
    /// The flag, or the org at this flag, has as many open reports as it may have. 409.
    TooManyReports,
    /// The actor's role may not do this. 403.
    RoleMissing,
    /// The document would be invalid; the problems are those that `sluice check` prints. 422.
    InvalidDocument,
    /// The justification of an urgent promotion is empty or unreadable. 422.
    InvalidUrgent,
    /// The text or link of an incident is empty or unreadable. 422.
    InvalidIncident,
    /// Another change was committed first. 412.
    RevisionConflict,
    /// The item exists already. 409.
    AlreadyExists,
    /// The store cannot commit. 503.
    StoreUnavailable,
    /// The store of a fleet can't be reached.
    StoreUnreachable,
    /// The store of a fleet did not answer whether it wrote the change.
    OutcomeUnknown,
    /// The store is damaged. 503.
    StoreDamaged,
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// A sentence with the facts in it.
    pub detail: String,
    /// An action that removes the reason.
    pub help: Option<String>,
    /// The facts, for machines: `until`, `flags`, `needed`, ...
    pub facts: Map<String, Value>,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 53] = [
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
        Self::NoRevertPath,
        Self::IncidentOpen,
        Self::SignOffMissing,
        Self::FlagErrors,
        Self::OpenReports,
        Self::NotObserved,
        Self::BlastRadius,
        Self::FlagInUse,
        Self::FlagRetired,
        Self::ReadOnlySource,
        Self::OptInClosed,
        Self::UnknownSignOff,
        Self::SignOffTaken,
        Self::SignerNotNamed,
        Self::UnknownIncident,
        Self::TooManyIncidents,
        Self::PlanNotFound,
        Self::InvalidPlan,
        Self::RolloutRunning,
        Self::RolloutState,
        Self::ApprovalMissing,
        Self::ApprovalTaken,
        Self::UnknownApproval,
        Self::UnknownItem,
        Self::ChecklistOpen,
        Self::OutsideWindow,
        Self::StageNotElapsed,
        Self::CheckNotPassed,
        Self::StepOutdated,
        Self::ReportNotFound,
        Self::InvalidReport,
        Self::TooManyReports,
        Self::RoleMissing,
        Self::InvalidDocument,
        Self::InvalidUrgent,
        Self::InvalidIncident,
        Self::RevisionConflict,
        Self::AlreadyExists,
        Self::StoreUnavailable,
        Self::StoreUnreachable,
        Self::OutcomeUnknown,
        Self::StoreDamaged,
    ];

    /// Returns the name in the API.
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
            Self::NoRevertPath => "NO_REVERT_PATH",
            Self::IncidentOpen => "INCIDENT_OPEN",
            Self::SignOffMissing => "SIGN_OFF_MISSING",
            Self::FlagErrors => "FLAG_ERRORS",
            Self::OpenReports => "OPEN_REPORTS",
            Self::NotObserved => "NOT_OBSERVED",
            Self::BlastRadius => "BLAST_RADIUS",
            Self::FlagInUse => "FLAG_IN_USE",
            Self::FlagRetired => "FLAG_RETIRED",
            Self::ReadOnlySource => "READ_ONLY_SOURCE",
            Self::OptInClosed => "OPT_IN_CLOSED",
            Self::UnknownSignOff => "UNKNOWN_SIGN_OFF",
            Self::SignOffTaken => "SIGN_OFF_TAKEN",
            Self::SignerNotNamed => "SIGNER_NOT_NAMED",
            Self::UnknownIncident => "UNKNOWN_INCIDENT",
            Self::TooManyIncidents => "TOO_MANY_INCIDENTS",
            Self::PlanNotFound => "PLAN_NOT_FOUND",
            Self::InvalidPlan => "INVALID_PLAN",
            Self::RolloutRunning => "ROLLOUT_RUNNING",
            Self::RolloutState => "ROLLOUT_STATE",
            Self::ApprovalMissing => "APPROVAL_MISSING",
            Self::ApprovalTaken => "APPROVAL_TAKEN",
            Self::UnknownApproval => "UNKNOWN_APPROVAL",
            Self::UnknownItem => "UNKNOWN_ITEM",
            Self::ChecklistOpen => "CHECKLIST_OPEN",
            Self::OutsideWindow => "OUTSIDE_WINDOW",
            Self::StageNotElapsed => "STAGE_NOT_ELAPSED",
            Self::CheckNotPassed => "CHECK_NOT_PASSED",
            Self::StepOutdated => "STEP_OUTDATED",
            Self::ReportNotFound => "REPORT_NOT_FOUND",
            Self::InvalidReport => "INVALID_REPORT",
            Self::TooManyReports => "TOO_MANY_REPORTS",
            Self::RoleMissing => "ROLE_MISSING",
            Self::InvalidDocument => "INVALID_DOCUMENT",
            Self::InvalidUrgent => "INVALID_URGENT",
            Self::InvalidIncident => "INVALID_INCIDENT",
            Self::RevisionConflict => "REVISION_CONFLICT",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::StoreUnreachable => "STORE_UNREACHABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::StoreDamaged => "STORE_DAMAGED",
        }
    }

    /// Returns the HTTP status of its answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::FlagNotFound | Self::TenantNotFound | Self::PlanNotFound | Self::ReportNotFound => 404,
            Self::RoleMissing | Self::SignerNotNamed => 403,
            Self::RevisionConflict => 412,
            Self::InvalidDocument
            | Self::InvalidUrgent
            | Self::InvalidIncident
            | Self::InvalidPlan
            | Self::InvalidReport => 422,
            Self::StoreUnavailable | Self::StoreDamaged | Self::StoreUnreachable | Self::OutcomeUnknown => {
                503
            }
            Self::NoLifecycle
            | Self::StateUnchanged
            | Self::StateSkipped
            | Self::SoakNotElapsed
            | Self::FlagDependency
            | Self::ExitCriteria
            | Self::NotStable
            | Self::RollbackOpen
            | Self::NotRevertible
            | Self::NoRevertPath
            | Self::IncidentOpen
            | Self::SignOffMissing
            | Self::FlagErrors
            | Self::OpenReports
            | Self::TooManyReports
            | Self::NotObserved
            | Self::BlastRadius
            | Self::FlagInUse
            | Self::FlagRetired
            | Self::ReadOnlySource
            | Self::OptInClosed
            | Self::UnknownSignOff
            | Self::SignOffTaken
            | Self::UnknownIncident
            | Self::TooManyIncidents
            | Self::RolloutRunning
            | Self::RolloutState
            | Self::ApprovalMissing
            | Self::ApprovalTaken
            | Self::UnknownApproval
            | Self::UnknownItem
            | Self::ChecklistOpen
            | Self::OutsideWindow
            | Self::StageNotElapsed
            | Self::CheckNotPassed
            | Self::StepOutdated
            | Self::AlreadyExists => 409,
        }
    }
}

impl Refusal {
    /// Creates a refusal without help.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            help: None,
            facts: Map::new(),
        }
    }

    /// Sets the help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}
