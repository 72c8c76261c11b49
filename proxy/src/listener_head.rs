//! The limits of a request head on a listener.

use wire::HeadLimits;

/// A listener, as far as a dry run needs it.
#[derive(Debug, Clone)]
pub struct ListenerHead {
    name: Box<str>,
    limits: HeadLimits,
}

impl ListenerHead {
    pub(crate) fn new(name: Box<str>, limits: HeadLimits) -> Self {
        Self { name, limits }
    }

    /// Returns the listener's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn limits(&self) -> HeadLimits {
        self.limits
    }
}
