//! Where new snapshots go. In two steps, so that what can fail fails before anything is remembered.

use config::{Compiled, Report};

use crate::store::Revision;

/// Why flags can't be served.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Routes or headers name what these flags lack. The problems are those that `sluice check` prints.
    #[error("the gateway's document does not fit these flags: {0}")]
    Document(Box<Report>),
    /// The data plane can't prepare them.
    #[error("{0}")]
    Prepare(String),
}

/// Where new snapshots go.
pub trait Publish: Send + Sync {
    /// Finds out whether these flags can be served with the gateway's document as it is. Changes nothing.
    ///
    /// # Errors
    /// A gate, a header or an attribute that names what is not there.
    fn check(&self, compiled: &Compiled) -> Result<(), PublishError>;

    /// Puts them in force. When it returns, new requests are decided by them.
    ///
    /// # Errors
    /// Only what `check` could not know; what was served before stays then.
    fn publish(&self, compiled: &Compiled, revision: Revision) -> Result<(), PublishError>;
}
