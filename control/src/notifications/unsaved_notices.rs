//! The notices that are no changes, until the outbox has saved them. The audit log does not have them.

use std::collections::VecDeque;

use super::mailbox::MAX_QUEUED;
use super::notice::Notice;

/// The notices, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct UnsavedNotices {
    notices: VecDeque<Notice>,
    /// The number of those at the front that the outbox has collected.
    collected: usize,
    /// True from the first collection: without a receiver there is none.
    has_outbox: bool,
}

impl UnsavedNotices {
    /// Adds notices. If the outbox saves none, the oldest ones beyond 10,000 are dropped.
    pub(crate) fn add(&mut self, new: impl IntoIterator<Item = Notice>) {
        self.notices.extend(new);
        let excess = self.notices.len().saturating_sub(MAX_QUEUED);
        self.notices.drain(..excess);
        self.collected = self.collected.saturating_sub(excess);
    }

    /// Returns those that were not collected yet.
    pub(crate) fn collect(&mut self) -> Vec<Notice> {
        self.has_outbox = true;
        let new = self.notices.iter().skip(self.collected).cloned().collect();
        self.collected = self.notices.len();
        new
    }

    /// Removes those that were collected: the outbox has saved them.
    pub(crate) fn confirm(&mut self) {
        self.notices.drain(..self.collected);
        self.collected = 0;
    }

    /// Returns those that the outbox has not saved; none without an outbox.
    pub(crate) fn unsaved(&self) -> Vec<Notice> {
        match self.has_outbox {
            true => self.notices.iter().cloned().collect(),
            false => Vec::new(),
        }
    }
}
