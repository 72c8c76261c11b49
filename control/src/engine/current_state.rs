//! The state of the control plane in memory, with its compiled catalog.

use changes::{Revision, State, StateEdit};
use config::{Catalog, Draft};
use rules::Eligibility;

/// The current state and its compiled catalog. Clones share all parts until one of them is changed.
#[derive(Clone)]
pub(super) struct CurrentState {
    pub(super) state: State,
    pub(super) catalog: Catalog,
}

impl CurrentState {
    pub(super) fn eligibility(&self) -> Eligibility {
        self.catalog.compiled().flags.eligibility()
    }

    /// Applies edits that were drafted and committed. State and catalog share one document.
    pub(super) fn adopt(&mut self, edits: &[StateEdit], draft: Draft, revision: Revision) {
        self.state.absorb(edits, revision);
        self.catalog.apply(draft);
        self.state.document = self.catalog.document().clone();
    }

    /// Returns true if a change that was prepared against one can be committed to the other.
    pub(super) fn is_same_version(&self, other: &Self) -> bool {
        self.state.revision == other.state.revision && self.eligibility() == other.eligibility()
    }
}
