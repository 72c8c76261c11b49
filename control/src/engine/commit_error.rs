//! The reason why a prepared change was not applied.

use super::adopt_error::AdoptError;
use super::outcome::ApplyError;
use super::prepared::Prepared;
use crate::store::StoreError;

/// The reason why a prepared change was not applied.
pub(super) enum CommitError {
    /// A commit of another process was first, and is served now. Nothing was written.
    Overtaken,
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

impl From<AdoptError> for CommitError {
    fn from(error: AdoptError) -> Self {
        Self::Failed(error.into())
    }
}
