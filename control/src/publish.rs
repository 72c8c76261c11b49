//! Where new snapshots go. In two steps, so that what can fail fails before anything is remembered.

use changes::Revision;
use config::{Compiled, LoadedConfig, Report};

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

/// The gateway's document, loaded along with flags that are about to be served; none where the one that is served fits
/// them as it is.
pub type Fit = Option<Box<LoadedConfig>>;

/// Where new snapshots go. No document is taken over between a change's `check` and its `publish`
/// ([`Control::without_changes`](crate::Control::without_changes)).
pub trait Publish: Send + Sync {
    /// Finds out whether these flags can be served with the gateway's document. Changes nothing.
    ///
    /// # Errors
    /// A gate, a header or an attribute of it names what would not be there.
    fn check(&self, compiled: &Compiled) -> Result<Fit, PublishError>;

    /// Puts them in force, with what was found to fit them. When it returns, new requests are decided by them.
    ///
    /// # Errors
    /// Only what `check` could not know; what was served before stays then.
    fn publish(&self, compiled: &Compiled, revision: Revision, fit: Fit) -> Result<(), PublishError>;
}
