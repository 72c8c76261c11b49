//! What comes of a change: that it was made, what it would do, or why it was not made.

use changes::{ItemResult, Preview, Refusal, Revision, Summary};
use config::Report;

use crate::publish::PublishError;
use crate::store::StoreError;

/// A change that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What the store is at now.
    pub revision: Revision,
    /// Whether anything was written at all.
    pub changed: bool,
    /// What became of each item, of a change of many.
    pub items: Vec<ItemResult>,
    /// What changed, of an applied document or a cascade.
    pub summary: Summary,
}

/// What a change would do.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// What the store is at.
    pub revision: Revision,
    /// Whether it would be refused unless it is forced: it reaches too many tenants.
    pub needs_force: bool,
    /// Who would be served what instead of what.
    pub preview: Preview,
    /// What would become of each item.
    pub items: Vec<ItemResult>,
    /// What would change.
    pub summary: Summary,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum ApplyError {
    /// It does not meet the policy, or names what is not there. All reasons at once.
    Refused(Vec<Refusal>),
    /// The document would be invalid: what `sluice check` would print.
    Invalid(Box<Report>),
    /// Somebody else was first.
    Conflict {
        /// What was expected.
        expected: Revision,
        /// What there is.
        current: Revision,
    },
    /// The store did not take it.
    Store(StoreError),
    /// The data plane can't take it. Nothing was changed.
    Publish(String),
    /// It is current, and the data plane did not take it: the next start serves it.
    Unforced {
        /// What the store is at now.
        revision: Revision,
        /// Why not.
        reason: String,
    },
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { expected, current } => Self::Conflict { expected, current },
            error => Self::Store(error),
        }
    }
}

impl From<PublishError> for ApplyError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Document(report) => Self::Invalid(report),
            PublishError::Prepare(reason) => Self::Publish(reason),
        }
    }
}
