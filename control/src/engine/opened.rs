//! A store that was read and compiled, before anything of it is served.

use std::sync::Arc;

use changes::{
    Json, Key, NoPlan, Policy, Revision, State, StateEdit, UnreadableRecords, json_edits, plan, read_records,
};
use config::{Catalog, Compiled, Draft, FlagsDocument, Report};
use parking_lot::{Mutex, RwLock};
use rules::{Eligibility, Timestamp};

use super::files::{NoFacts, of_files};
use super::{ApplyError, Control, Owner};
use crate::history::History;
use crate::observe::Observe;
use crate::publish::Publish;
use crate::refused::Refused;
use crate::store::{Commit, Loaded, Store, StoreError};

/// Why the control plane can't begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is kept does not compile: a newer version wrote it, or somebody wrote into the store by hand.
    #[error("what the store holds is no valid document:\n{0}")]
    Invalid(Box<Report>),
}

fn present_records(loaded: Loaded) -> impl Iterator<Item = (Key, Json)> {
    let records = loaded.records.into_iter();
    records.filter_map(|record| Some((record.key, record.value?)))
}

/// What was read and compiled of a store, before anything is served.
pub struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) current: CurrentState,
    /// What an empty store is to begin with, not committed yet.
    pub(super) seed: Option<Commit>,
}

/// What is current, in memory. A clone shares all of it, until one of the two is changed.
#[derive(Clone)]
pub(super) struct CurrentState {
    pub(super) state: State,
    pub(super) catalog: Catalog,
}

impl CurrentState {
    pub(super) fn eligibility(&self) -> Eligibility {
        self.catalog.compiled().flags.eligibility()
    }

    /// Makes edits that were drafted and committed. Of the document there is one: state and catalog share it.
    pub(super) fn adopt(&mut self, edits: &[StateEdit], draft: Draft, revision: Revision) {
        self.state.absorb(edits, revision);
        self.catalog.apply(draft);
        self.state.document = self.catalog.document().clone();
    }

    /// Whether what was prepared of the one can be made of the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.state.revision == other.state.revision && self.eligibility() == other.eligibility()
    }
}

impl Opened {
    /// Reads and compiles everything that the store holds.
    ///
    /// # Errors
    /// It can't be read, or is no valid document.
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
        let catalog = Catalog::new(eligibility, state.document.clone())
            .map_err(|report| OpenError::Invalid(report.into()))?;
        Ok(Self {
            store,
            current: CurrentState { state, catalog },
            seed: None,
        })
    }

    /// Begins an empty store with a document, as it is written, once that is committed by `keep`. A store that holds
    /// anything is left as it is.
    ///
    /// # Errors
    /// What stands against it.
    pub fn seeded(mut self, document: FlagsDocument, at: Timestamp) -> Result<Self, ApplyError> {
        if self.revision() != Revision::default() {
            return Ok(self);
        }
        let request = of_files(document, at);
        let plan = match plan(&self.current.state, &request, &Policy::default(), &NoFacts) {
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
        Ok(self)
    }

    /// Whether it is to begin with a document, which is not committed yet.
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        self.seed.is_some()
    }

    /// Commits what an empty store begins with, if there is something.
    ///
    /// # Errors
    /// The store did not take it, and is empty still.
    pub fn keep(mut self) -> Result<Self, StoreError> {
        if let Some(commit) = self.seed.take() {
            self.current.state.revision = self.store.commit(Some(Revision::default()), &commit)?;
        }
        Ok(self)
    }

    /// What it compiles to, for the gateway's document to be compiled against.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        self.current.catalog.compiled()
    }

    /// What the store is at.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.current.state.revision
    }

    /// Takes changes from now on. What was opened is served already.
    #[must_use]
    pub fn control(
        self,
        policy: Policy,
        publish: Arc<dyn Publish>,
        observe: Arc<dyn Observe>,
        history: History,
    ) -> Control {
        Control {
            owner: Owner::ControlPlane,
            store: self.store,
            publish,
            observe,
            policy,
            history: Mutex::new(history),
            refused: Refused::default(),
            writer: Mutex::new(()),
            current: RwLock::new(self.current),
        }
    }
}
