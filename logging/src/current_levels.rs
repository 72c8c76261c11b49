//! The levels in force of a log, which can be set while it is used.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

use crate::levels::Levels;

/// The levels in force. Clones share them.
///
/// They are read when a callsite is registered and after each change, not for each event: `tracing` remembers the answer.
#[derive(Debug, Clone)]
pub struct CurrentLevels(Arc<RwLock<Levels>>);

impl From<Levels> for CurrentLevels {
    fn from(levels: Levels) -> Self {
        Self(Arc::new(RwLock::new(levels)))
    }
}

impl CurrentLevels {
    /// Sets the levels, for all events from now on.
    pub fn set(&self, levels: Levels) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = levels;
        // After the lock is released: each callsite asks for its interest again.
        tracing::callsite::rebuild_interest_cache();
    }

    pub(crate) fn is_logged(&self, metadata: &Metadata<'_>) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_logged(metadata)
    }

    pub(crate) fn most(&self) -> LevelFilter {
        self.0.read().unwrap_or_else(PoisonError::into_inner).most()
    }
}
