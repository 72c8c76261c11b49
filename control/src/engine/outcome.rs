//! The results of changes and dry runs, and the errors of changes.

use changes::{ItemResult, Plan, Preview, Refusal, Revision, Summary};
use config::Report;

use crate::keep_states::LastGood;
use crate::publish::PublishError;
use crate::store::StoreError;

/// The result of an applied change.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The revision of the store after the change.
    pub revision: Revision,
    /// False if the change wrote nothing, since the state was as requested.
    pub changed: bool,
    /// The results of the items of an import.
    pub items: Vec<ItemResult>,
    /// The side effects of an applied document or a cascade.
    pub summary: Summary,
    /// The copy of flags' states for a start without the store.
    pub last_good: LastGood,
}

/// The result of a dry run.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// The current revision of the store.
    pub revision: Revision,
    /// False if the request would leave everything as it is.
    pub changed: bool,
    /// True if the change would be rejected without `force`, since it affects too many tenants.
    pub needs_force: bool,
    /// The reason why every change is rejected here, if files manage the flags or the store is damaged.
    pub read_only: Option<Refusal>,
    /// The decisions that would change.
    pub preview: Preview,
    /// The results of the items of an import.
    pub items: Vec<ItemResult>,
    /// The side effects.
    pub summary: Summary,
}

/// The reason why a change failed.
#[derive(Debug)]
pub enum ApplyError {
    /// The policy is not met, or a name is unknown: all reasons.
    Refused(Vec<Refusal>),
    /// The document would be invalid: what `sluice check` would print.
    Invalid(Box<Report>),
    /// Another change was committed first.
    Conflict {
        /// The expected revision.
        expected: Revision,
        /// The current revision.
        current: Revision,
    },
    /// It gave way to kills until its time was over. Nothing was changed.
    GaveWay,
    /// The store did not commit.
    Store(StoreError),
    /// The data plane cannot serve the result. Nothing was changed.
    Publish(String),
    /// Committed, but publishing failed; active after the next start.
    NotPublished {
        /// The revision of the store after the commit.
        revision: Revision,
        /// The reason why publishing failed.
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

/// Returns the result of a plan that is applied, or that changes nothing.
pub(super) fn applied(plan: Plan, revision: Revision, changed: bool, last_good: LastGood) -> Applied {
    Applied {
        revision,
        changed,
        items: plan.items,
        summary: plan.summary,
        last_good,
    }
}
