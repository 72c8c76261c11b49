//! Receipts of changes: shown on the page that follows a change, once it is committed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control::Actor;
use parking_lot::Mutex;

/// The number of receipts that are kept; the oldest is dropped for a new one.
const MAX_RECEIPTS: usize = 1_000;

/// The receipt of a change.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    /// The change that was made, in words; the one that was asked for if it changed nothing.
    pub(crate) title: String,
    /// The revision that it created.
    pub(crate) revision: u64,
    /// False if the state was as requested before.
    pub(crate) is_changed: bool,
    /// The time from the request to its answer: the change is then in force on this node.
    pub(crate) took: Duration,
    /// The number of nodes that serve the revision, and of all nodes; none if they are not known.
    pub(crate) nodes: Option<(usize, usize)>,
    /// Facts that the operator should know.
    pub(crate) notes: Vec<String>,
    /// The form that undoes the change, if one does.
    pub(crate) undo: Option<FormButton>,
    /// The name of the actor, who alone sees it.
    pub(crate) actor: String,
}

/// A form with one button.
#[derive(Debug, Clone)]
pub(crate) struct FormButton {
    /// The text of the button.
    pub(crate) label: String,
    /// The fields of the form.
    pub(crate) fields: Vec<(String, String)>,
}

impl Receipt {
    /// Returns the time from the request to its answer, in ms, at least 1.
    pub(crate) fn ms(&self) -> usize {
        usize::try_from(self.took.as_millis())
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// Returns the revision as texts take numbers.
    pub(crate) fn revision_number(&self) -> usize {
        usize::try_from(self.revision).unwrap_or(usize::MAX)
    }
}

/// The newest receipts.
#[derive(Default)]
pub(crate) struct Receipts {
    last: AtomicU64,
    kept: Mutex<VecDeque<(u64, Receipt)>>,
}

impl Receipts {
    /// Keeps a receipt, and returns its number.
    pub(crate) fn keep(&self, receipt: Receipt) -> u64 {
        let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut kept = self.kept.lock();
        if kept.len() >= MAX_RECEIPTS {
            kept.pop_front();
        }
        kept.push_back((id, receipt));
        id
    }

    /// Returns the receipt of an actor by its number.
    pub(crate) fn find(&self, id: u64, actor: &Actor) -> Option<Receipt> {
        let kept = self.kept.lock();
        let (_, receipt) = kept.iter().rev().find(|(kept, _)| *kept == id)?;
        (receipt.actor == actor.name).then(|| receipt.clone())
    }
}
