//! A function that is called at each scrape, and can be replaced.

use std::sync::Arc;

use parking_lot::RwLock;

type Read<T> = Box<dyn Fn() -> T + Send + Sync>;

/// A function that returns the values of a scrape; none before it is set. Clones share it.
pub(crate) struct ScrapeSource<T>(Arc<RwLock<Option<Read<T>>>>);

impl<T> ScrapeSource<T> {
    pub(super) fn new() -> Self {
        Self(Arc::new(RwLock::new(None)))
    }

    /// Sets the function, in place of a former one.
    pub(crate) fn set(&self, read: impl Fn() -> T + Send + Sync + 'static) {
        *self.0.write() = Some(Box::new(read));
    }

    /// Calls the function, if there is one.
    pub(crate) fn read(&self) -> Option<T> {
        self.0.read().as_ref().map(|read| read())
    }
}

impl<T> Clone for ScrapeSource<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::fmt::Debug for ScrapeSource<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScrapeSource").finish_non_exhaustive()
    }
}
