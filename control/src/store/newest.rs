//! The newest revision of a store, with waiting within the process.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Revision;

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Newest {
    revision: Mutex<Revision>,
    advanced: Condvar,
}

impl Newest {
    pub(super) fn starting_at(revision: Revision) -> Self {
        Self {
            revision: Mutex::new(revision),
            advanced: Condvar::new(),
        }
    }

    pub(super) fn advance(&self, revision: Revision) {
        let mut newest = self.revision.lock();
        if *newest < revision {
            *newest = revision;
            self.advanced.notify_all();
        }
    }

    /// Returns when there is a revision after `since`, or after the timeout.
    pub(super) fn wait_past(&self, since: Revision, timeout: Duration) {
        let mut newest = self.revision.lock();
        self.advanced
            .wait_while_for(&mut newest, |newest| *newest <= since, timeout.min(MAX_WAIT));
    }
}
