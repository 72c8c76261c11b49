//! The reason why what other processes committed is not served here.

use config::Report;

use super::outcome::ApplyError;
use crate::publish::PublishError;
use crate::store::StoreError;

/// The reason why the newest state of a store, which another process committed, is not served here. The former one stays
/// active.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record does not have the form of its part: a newer version wrote it.
    #[error("a record has a form that this version does not know")]
    Form,
    /// The records do not compile here: a newer version wrote them.
    #[error("the flags in the store are not valid here:\n{0}")]
    Invalid(Box<Report>),
    /// The gateway document of this process does not fit them.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl From<AdoptError> for ApplyError {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Store(error) => error.into(),
            AdoptError::Publish(error) => error.into(),
            AdoptError::Invalid(report) => Self::Invalid(report),
            AdoptError::Form => Self::Publish(AdoptError::Form.to_string()),
        }
    }
}
