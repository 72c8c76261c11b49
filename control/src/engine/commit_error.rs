//! The reason why a prepared change was not applied.

use super::outcome::ApplyError;
use super::prepared::Prepared;
use crate::store::StoreError;

/// The reason why a prepared change was not applied.
pub(super) enum CommitError {
    /// It failed.
    Failed(ApplyError),
    /// Its commit gave way to an urgent change. Nothing was written.
    Interrupted(Box<Prepared>),
}

impl From<ApplyError> for CommitError {
    fn from(error: ApplyError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
