//! The publication of snapshots, in two steps: everything that can fail is checked before the commit.

use changes::Revision;
use config::{Compiled, LoadedConfig, Report};

/// The reason why flags cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Routes or headers refer to flags or attributes that would not exist. The problems are those that `sluice check`
    /// prints.
    #[error("the gateway's document does not fit these flags: {0}")]
    Document(Box<Report>),
    /// The data plane can't prepare a snapshot of them.
    #[error("{0}")]
    Prepare(String),
}

/// The gateway's document loaded against the flags to be served; none if the served one fits them as it is.
pub type Fit = Option<Box<LoadedConfig>>;

/// The destination of snapshots. No gateway document is accepted between a change's `check` and its `publish`
/// ([`Control::without_changes`](crate::Control::without_changes)).
pub trait Publish: Send + Sync {
    /// Checks that the gateway's document can be served with these flags. Changes nothing.
    ///
    /// # Errors
    /// The document refers to flags or attributes that would not exist, or the data plane cannot prepare a snapshot.
    fn check(&self, compiled: &Compiled) -> Result<Fit, PublishError>;

    /// Publishes the flags with the result of `check`. When it returns, new requests are decided by them.
    ///
    /// # Errors
    /// A failure that `check` could not detect; the previous snapshot stays active.
    fn publish(&self, compiled: &Compiled, revision: Revision, fit: Fit) -> Result<(), PublishError>;
}
