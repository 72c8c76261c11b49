//! Notes about a change that is made: facts that the change does not alter, and that its author should know.

/// A note about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The code.
    pub code: NoteCode,
    /// A sentence with the facts in it.
    pub detail: String,
    /// An action that removes the reason of the note.
    pub help: String,
}

/// The codes of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteCode {
    /// A check of a resumed plan fails again, because reports are open.
    OpenReports,
    /// No tenant record and no request has the attribute of an audience.
    UnknownAttribute,
    /// An audience has fewer tenants than the minimum of the plan.
    FewTenants,
    /// No check of a stage measures the errors of requests.
    NoErrorCheck,
    /// The org of a report has no record as a tenant.
    UnknownOrg,
    /// An incident is not opened, because the flag has as many as it may have.
    TooManyIncidents,
    /// The plan of a known flag in a document is not set.
    PlanNotSet,
}

impl NoteCode {
    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenReports => "OPEN_REPORTS",
            Self::UnknownAttribute => "UNKNOWN_ATTRIBUTE",
            Self::FewTenants => "FEW_TENANTS",
            Self::NoErrorCheck => "NO_ERROR_CHECK",
            Self::UnknownOrg => "UNKNOWN_ORG",
            Self::TooManyIncidents => "TOO_MANY_INCIDENTS",
            Self::PlanNotSet => "PLAN_NOT_SET",
        }
    }
}
