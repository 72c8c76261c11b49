//! A store that was read and compiled, before its snapshot is served.

use std::sync::Arc;

use changes::{
    Json, Key, LifecyclePolicy, NoPlan, Note, Revision, StateEdit, UnreadableRecords, json_edits, plan,
    read_records,
};
use config::{Catalog, Compiled, FlagsDocument, Report};
use rules::{Eligibility, Timestamp};

use super::current_state::CurrentState;
use super::files::{SeedFacts, document_request};
use super::outcome::ApplyError;
use crate::store::{Commit, Loaded, Store, StoreError};

/// The reason why the control plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The records do not compile: a newer version wrote them, or the store was edited by hand.
    #[error("the records in the store are not a valid document:\n{0}")]
    Invalid(Box<Report>),
}

fn present_records(loaded: Loaded) -> impl Iterator<Item = (Key, Json)> {
    let records = loaded.records.into_iter();
    records.filter_map(|record| Some((record.key, record.value?)))
}

/// Returns true if a store without flags once had one.
fn has_removed_flags(store: &dyn Store) -> Result<bool, StoreError> {
    let written = store.changes_since(Revision::default())?;
    Ok(written
        .records
        .iter()
        .any(|record| matches!(record.key, Key::Definition(_))))
}

/// A store that was read and compiled, before its snapshot is served.
pub struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) current: CurrentState,
    /// The first commit of an empty store, not yet committed.
    pub(super) seed: Option<Commit>,
    /// The notes about the first commit.
    pub(super) seed_notes: Vec<Note>,
    /// The time of the first commit, if this process made it.
    pub(super) seeded_at: Option<Timestamp>,
}

impl Opened {
    /// Reads and compiles the records of a store.
    ///
    /// # Errors
    /// The store can't be read, or its records are not a valid document.
    pub fn read(store: Arc<dyn Store>, eligibility: Eligibility) -> Result<Self, OpenError> {
        let loaded = store.load()?;
        let state = match read_records(loaded.revision, present_records(loaded)) {
            Ok(state) => state,
            Err(UnreadableRecords::Damaged(damage)) => return Err(StoreError::Corrupt(damage).into()),
            Err(UnreadableRecords::Form) => {
                let edits = json_edits(present_records(store.load()?));
                let report = Catalog::empty(eligibility).explain(&edits);
                return Err(OpenError::Invalid(report.into()));
            }
        };
        let mut catalog = Catalog::new(eligibility, state.document.clone())
            .map_err(|report| OpenError::Invalid(report.into()))?;
        if !catalog.compiled().has_held_flags && has_removed_flags(&*store)? {
            catalog.set_has_held_flags();
        }
        Ok(Self {
            store,
            current: CurrentState { state, catalog },
            seed: None,
            seed_notes: Vec::new(),
            seeded_at: None,
        })
    }

    /// Prepares the first commit of an empty store from a document; [`Opened::commit_seed`] commits it. A store with records is
    /// not changed. Rollout plans of the document must meet the policy.
    ///
    /// # Errors
    /// The document was rejected.
    pub fn seeded(
        mut self,
        document: FlagsDocument,
        at: Timestamp,
        policy: &LifecyclePolicy,
        has_operators: bool,
    ) -> Result<Self, ApplyError> {
        if self.revision() != Revision::default() {
            return Ok(self);
        }
        let request = document_request(document, at);
        let plan = match plan(
            &self.current.state,
            &request,
            policy,
            &SeedFacts { has_operators },
        ) {
            Ok(plan) => plan,
            Err(NoPlan::Refused(refusals)) => return Err(ApplyError::Refused(refusals)),
            Err(NoPlan::Unreadable(edits)) => {
                return Err(ApplyError::Invalid(self.current.catalog.explain(&edits).into()));
            }
        };
        let edits = plan.edits.iter().map(StateEdit::document_edit);
        let draft = self.current.catalog.draft(edits.collect());
        let draft = draft.map_err(|report| ApplyError::Invalid(report.into()))?;
        let commit = Commit {
            writes: plan.writes,
            audit: plan.audit,
        };
        self.current.adopt(&plan.edits, draft, Revision(1));
        self.seed = Some(commit);
        self.seed_notes = plan.summary.notes;
        self.seeded_at = Some(at);
        Ok(self)
    }

    /// Returns the time of the first commit, if this process made or prepared it.
    #[must_use]
    pub fn seeded_at(&self) -> Option<Timestamp> {
        self.seeded_at
    }

    /// Returns true if a document is prepared for an empty store and not yet committed.
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        self.seed.is_some()
    }

    /// Returns the notes about the document of [`Opened::seeded`].
    #[must_use]
    pub fn seed_notes(&self) -> &[Note] {
        &self.seed_notes
    }

    /// Commits the document of [`Opened::seeded`], if there is one.
    ///
    /// # Errors
    /// The commit failed; the store is still empty.
    pub fn commit_seed(mut self) -> Result<Self, StoreError> {
        if let Some(commit) = self.seed.take() {
            self.current.state.revision = self.store.commit(Some(Revision::default()), &commit)?;
        }
        Ok(self)
    }

    /// Returns the compiled flags and tenants, against which the gateway's document is compiled.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        self.current.catalog.compiled()
    }

    /// Returns the revision of the store.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.current.state.revision
    }
}
