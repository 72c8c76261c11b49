//! Applies changes, one at a time: plan, compile, check with the data plane, commit, publish, in this order. A change that
//! fails before its commit has no effect; an acknowledged change is on the disk and active.

mod adopt_error;
mod blast_radius;
mod change_writer;
mod commit_error;
mod current_facts;
mod current_state;
mod files;
mod invalid_tenants;
mod opened;
mod outcome;
mod prepared;
mod urgency;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use changes::{
    Change, Code, Entry, FlagTimes, LifecyclePolicy, NewFlags, NextStep, Refusal, Request, Revision,
    StaleFlag, State, StepAction, Usage, stale,
};
use config::{Catalog, Compiled, FlagsDocument};
use parking_lot::{Mutex, MutexGuard};
use rules::{Eligibility, Lifecycle, Timestamp};

pub use self::adopt_error::AdoptError;
use self::change_writer::ChangeWriter;
use self::current_state::CurrentState;
pub use self::files::{Damage, catalog_of};
use self::files::{Unpublished, read_only, state_of_document};
pub use self::opened::{OpenError, Opened};
pub use self::outcome::{Applied, ApplyError, DryRun};
use crate::audit_limiter::{AuditLimiter, LimitedCaller};
use crate::break_glass::LocalKill;
use crate::flag_traffic::FlagTraffic;
use crate::history::History;
use crate::keep_states::{KeepStates, LAST_GOOD_WAIT, LastGood};
use crate::notifications::{Notice, UnsavedNotices};
use crate::observe::{BreakerEvent, Observe, ObservedSlot};
use crate::operators::Operators;
use crate::publish::Publish;
use crate::store::{Commit, MemoryStore, Store, StoreError};

/// The control plane: the current state, and the only way to change it. Every call may block.
pub struct Control {
    managed_by: ManagedBy,
    writer: ChangeWriter,
    observe: Arc<dyn Observe>,
    refused: AuditLimiter,
    /// The copy of flags' states for a start without the store, once there is one.
    keep_states: OnceLock<Arc<dyn KeepStates>>,
    /// The traffic of flags in the last hour.
    traffic: Mutex<FlagTraffic>,
    /// Notices that are no changes, until the outbox has saved them.
    notices: Mutex<UnsavedNotices>,
}

/// Returns true if the conditions of a change read the requests that were observed. They are collected freshly then, so
/// that an error just before the change counts.
fn reads_observations(change: &Change) -> bool {
    match change {
        Change::SetState { .. }
        | Change::SetTiers { .. }
        | Change::SetRollout { .. }
        | Change::StartRollout { .. }
        | Change::AdvanceRollout { .. }
        | Change::EndWatch { .. } => true,
        Change::TakeStep { step, .. } => matches!(step.action, StepAction::Enter { .. }),
        Change::ApplyDocument { new_flags, .. } => matches!(new_flags, NewFlags::Adopted { .. }),
        _ => false,
    }
}

/// The owner of the flags.
enum ManagedBy {
    /// This control plane.
    ControlPlane,
    /// The files; this control plane only reads them.
    Files {
        document: DocumentSource,
        /// True if the files were read again since the current state was made from them.
        stale: AtomicBool,
        /// The damage of the store that the files replace.
        damage: Option<Damage>,
    },
}

/// Returns the document of files that manage the flags; none if they cannot be read.
pub type DocumentSource = Box<dyn Fn() -> Option<FlagsDocument> + Send + Sync>;

impl Control {
    /// Creates a control plane for flags that files manage: it reads them and rejects changes.
    #[must_use]
    pub fn of_files(
        document: DocumentSource,
        eligibility: Eligibility,
        policy: LifecyclePolicy,
        observe: Arc<dyn Observe>,
        history: History,
    ) -> Self {
        let opened = Opened {
            store: Arc::new(MemoryStore::new()),
            current: CurrentState {
                state: State::default(),
                catalog: Catalog::empty(eligibility),
            },
            seed: None,
            seed_notes: Vec::new(),
            seeded_at: None,
        };
        Self {
            managed_by: ManagedBy::Files {
                document,
                stale: AtomicBool::new(true),
                damage: None,
            },
            ..opened.control(policy, Arc::new(Unpublished), observe, history)
        }
    }

    /// Marks the files as the replacement of a damaged store. The readable part of its audit log stays available.
    #[must_use]
    pub fn replacing_damaged_store(self, store: Arc<dyn Store>, damage: Damage) -> Self {
        let managed_by = match self.managed_by {
            ManagedBy::Files { document, stale, .. } => ManagedBy::Files {
                document,
                stale,
                damage: Some(damage),
            },
            ManagedBy::ControlPlane => ManagedBy::ControlPlane,
        };
        let mut writer = self.writer;
        writer.store = store;
        Self {
            managed_by,
            writer,
            ..self
        }
    }

    /// Sets the time after which a change that gave way to kills is rejected.
    #[must_use]
    pub fn giving_up_after(mut self, time: Duration) -> Self {
        self.writer.give_up_after = time;
        self
    }

    /// Returns the damage of the store because of which changes are rejected.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        match &self.managed_by {
            ManagedBy::Files { damage, .. } => damage.as_ref(),
            ManagedBy::ControlPlane => None,
        }
    }

    /// Marks the current state as outdated after the files were read again. The next read makes it from the files.
    pub fn files_changed(&self) {
        if let ManagedBy::Files { stale, .. } = &self.managed_by {
            stale.store(true, Ordering::Release);
        }
    }

    /// Sets the eligibility rules by which previews and reads decide flags.
    pub fn set_eligibility(&self, eligibility: Eligibility) {
        self.writer.set_eligibility(eligibility);
    }

    /// Returns true if files manage the flags, so that changes are rejected.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.managed_by, ManagedBy::Files { .. })
    }

    /// Applies a change, or returns all reasons to reject it.
    ///
    /// # Errors
    /// Nothing was changed, except for [`ApplyError::NotPublished`]: that change is committed. A refusal is in the audit log.
    pub fn apply(&self, request: &Request) -> Result<Applied, ApplyError> {
        if self.is_read_only() {
            let error = ApplyError::Refused(vec![read_only(self.damage())]);
            self.audit_refusal(request, &error);
            return Err(error);
        }
        if reads_observations(&request.change) {
            self.record_observations(request.at);
        }
        let mut applied = self.writer.apply(request);
        match &mut applied {
            Ok(applied) => self.keep_states(applied),
            Err(error) => self.audit_refusal(request, error),
        }
        applied
    }

    /// Sets the attributes that tokens and requests can have, by the gateway document: an audience with another one has a
    /// note.
    pub fn set_request_attributes(&self, names: Vec<String>) {
        *self.writer.request_attributes.write() = Some(names);
    }

    /// Sets the copy of flags' states that is written before a change of one of them is answered.
    pub fn set_keep_states(&self, keep_states: Arc<dyn KeepStates>) {
        let _ = self.keep_states.set(keep_states);
    }

    /// Sets the operators, so that the sign-off of one who was removed is lost.
    pub fn set_operators(&self, operators: Arc<Operators>) {
        let _ = self.writer.operators.set(operators);
    }

    /// Writes the copy of flags' states, if the change alters one. The writer lock is not held: on a slow disk, other
    /// changes do not wait for it.
    fn keep_states(&self, applied: &mut Applied) {
        if applied.last_good != LastGood::Due {
            return;
        }
        let Some(keep_states) = self.keep_states.get() else {
            applied.last_good = LastGood::Unaffected;
            return;
        };
        let state = self.writer.current.read().state.clone();
        applied.last_good = match keep_states.keep(&state, LAST_GOOD_WAIT) {
            true => LastGood::Written,
            false => LastGood::NotWritten,
        };
    }

    /// Runs an action while no change is between its check and its publication, such as accepting a gateway document.
    pub fn without_changes<R>(&self, action: impl FnOnce() -> R) -> R {
        self.writer.without_changes(action)
    }

    /// Adopts what other processes have committed to the store, and publishes it. Returns the revision that is served then.
    ///
    /// # Errors
    /// The store can't be read, or its newest state can't be served here: the former one stays active.
    pub fn adopt_commits(&self) -> Result<Revision, AdoptError> {
        match self.is_read_only() {
            true => Ok(self.read(|state, _| state.revision)),
            false => self.writer.adopt_commits(),
        }
    }

    /// Returns the effect that a change would have, and writes nothing.
    ///
    /// # Errors
    /// The reasons to reject the change.
    pub fn dry_run(&self, request: &Request) -> Result<DryRun, ApplyError> {
        self.refresh();
        let read_only = self.is_read_only().then(|| read_only(self.damage()));
        if reads_observations(&request.change) {
            self.record_observations(request.at);
        }
        Ok(DryRun {
            read_only,
            ..self.writer.dry_run(request)?
        })
    }

    /// Returns the next step of a flag's lifecycle with its conditions, as a promotion would check them, and the revision.
    /// `None` if there is no such flag.
    #[must_use]
    pub fn next_step(&self, flag: &str, at: Timestamp) -> Option<(Revision, NextStep)> {
        self.refresh();
        self.record_observations(at);
        self.writer.next_step(flag, at)
    }

    /// Reads the current state and its snapshot, at one revision. Changes are not blocked meanwhile.
    pub fn read<R>(&self, read: impl FnOnce(&State, &Compiled) -> R) -> R {
        self.refresh();
        let current = self.writer.snapshot();
        read(&current.state, current.catalog.compiled())
    }

    /// Makes the current state from the files if they were read again. Unreadable files leave it as it is.
    fn refresh(&self) {
        let ManagedBy::Files { document, stale, .. } = &self.managed_by else {
            return;
        };
        if !stale.load(Ordering::Acquire) {
            return;
        }
        // Another caller may have refreshed the state while this one waited for the lock.
        let mut current = self.writer.current.write();
        if !stale.swap(false, Ordering::AcqRel) {
            return;
        }
        let (eligibility, revision) = (current.eligibility(), current.state.revision);
        let read = document().and_then(|document| state_of_document(document, eligibility, revision));
        match read {
            Some(read) => *current = read,
            None => stale.store(true, Ordering::Release),
        }
    }

    /// Returns the store, for its audit log and for backups.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.writer.store
    }

    /// Returns the policy of changes.
    #[must_use]
    pub fn policy(&self) -> &LifecyclePolicy {
        &self.writer.policy
    }

    /// Commits audit entries without a change.
    ///
    /// # Errors
    /// The store did not commit them.
    pub fn record(&self, audit: Vec<Entry>) -> Result<(), StoreError> {
        if self.is_read_only() {
            // Flags managed by files have no audit log.
            for entry in audit {
                tracing::warn!(
                    event = entry.event.platform_name(),
                    actor = entry.actor,
                    request_id = entry.request_id,
                    "rejected"
                );
            }
            return Ok(());
        }
        let commit = Commit {
            writes: Vec::new(),
            audit,
        };
        self.writer.store.commit(None, &commit).map(|_| ())
    }

    /// Records the observations of the data plane in the history. Called periodically.
    pub fn record_observations(&self, now: Timestamp) {
        // A copy: the lock of the state is not held while flags are read.
        let current = self.writer.snapshot();
        // Under the lock, so that two calls do not record the totals in another order than they were read.
        let mut history = self.writer.history.lock();
        let increases = history.record(now, self.observe.flags());
        self.traffic.lock().add(now, &increases);
        history.record_tenants(now, self.observe.take_served_tenants());
        history.retain(now, |flag| {
            let flag = current.state.flag(flag)?;
            Some(
                flag.lifecycle()
                    .is_some_and(|lifecycle| lifecycle < Lifecycle::Ga),
            )
        });
    }

    /// Returns the history of observations.
    pub fn history(&self) -> History {
        self.writer.history.lock().clone()
    }

    /// Returns the traffic of flags in the last hour, as of the last call of [`Control::record_observations`].
    pub(crate) fn flag_traffic(&self) -> MutexGuard<'_, FlagTraffic> {
        self.traffic.lock()
    }

    /// Returns the flags that gates name.
    #[must_use]
    pub fn gated(&self) -> Vec<String> {
        self.observe.gated()
    }

    /// Ends the slot of each flag whose requests are counted by arm, and returns the counts.
    pub(crate) fn take_slots(&self) -> Vec<ObservedSlot> {
        self.observe.take_slots()
    }

    /// Adds notices that are no changes.
    pub(crate) fn notify(&self, new: impl IntoIterator<Item = Notice>) {
        self.notices.lock().add(new);
    }

    /// Returns the notices that are no changes, until the outbox has saved them.
    pub(crate) fn notices(&self) -> MutexGuard<'_, UnsavedNotices> {
        self.notices.lock()
    }

    /// Returns the observed use of the flags.
    pub(crate) fn usage(&self) -> Usage {
        let history = self.history();
        let gated: BTreeSet<String> = self.gated().into_iter().collect();
        self.read(|state, _| {
            let keys = state.document.flags.keys();
            let decided = keys.filter_map(|key| Some((key.to_string(), history.last_decided(key)?)));
            Usage {
                times: match self.is_read_only() {
                    true => FlagTimes::Unknown,
                    false => FlagTimes::Recorded,
                },
                gated,
                since: Some(history.since()),
                decided: decided.collect(),
            }
        })
    }

    /// Returns the flags that should be removed.
    pub(crate) fn stale_flags(&self, now: Timestamp) -> Vec<StaleFlag> {
        let usage = self.usage();
        self.read(|state, _| stale(state, now, &usage, &self.policy().stale))
    }

    /// Returns the ids of tenants that observed flags were counted for since the last call, each with its hash.
    pub(crate) fn take_tenant_names(&self) -> Vec<(u64, String)> {
        self.observe.take_tenant_names()
    }

    /// Returns the events of circuit breakers since the last call.
    pub(crate) fn take_breaker_events(&self) -> Vec<BreakerEvent> {
        self.observe.take_breaker_events()
    }

    /// Returns true if a gate with this flag answers the requests of subjects that it is off for.
    pub(crate) fn answers_held_back(&self, flag: &str) -> bool {
        self.observe.answers_held_back(flag)
    }

    /// Returns the kills of this machine.
    #[must_use]
    pub fn local_kills(&self) -> Vec<LocalKill> {
        self.observe.local_kills()
    }

    /// Returns the limiter of audit entries of refusals.
    pub(crate) fn refused(&self) -> &AuditLimiter {
        &self.refused
    }

    fn audit_refusal(&self, request: &Request, error: &ApplyError) {
        let refusals = match error {
            ApplyError::Refused(refusals) => refusals.clone(),
            ApplyError::Invalid(_) => vec![Refusal::new(
                Code::InvalidDocument,
                "the document would be invalid",
            )],
            // A conflict, or a change that gave way, is not a refusal; after an error of the store its audit log cannot be written either.
            ApplyError::Conflict { .. }
            | ApplyError::GaveWay
            | ApplyError::Store(_)
            | ApplyError::Publish(_)
            | ApplyError::NotPublished { .. } => return,
        };
        let entry = changes::refused_entry(request, &refusals);
        let Some(entry) = self.refused.limited(&LimitedCaller::Actor(&request.actor), entry) else {
            return;
        };
        if let Err(error) = self.record(vec![entry]) {
            tracing::error!(%error, "the audit entry of a rejected change could not be written");
        }
    }
}

impl Opened {
    /// Creates the control plane. The caller has published the compiled snapshot already.
    #[must_use]
    pub fn control(
        self,
        policy: LifecyclePolicy,
        publish: Arc<dyn Publish>,
        observe: Arc<dyn Observe>,
        history: History,
    ) -> Control {
        Control {
            managed_by: ManagedBy::ControlPlane,
            writer: ChangeWriter::new(self.store, self.current, policy, publish, history),
            observe,
            refused: AuditLimiter::default(),
            keep_states: OnceLock::new(),
            traffic: Mutex::default(),
            notices: Mutex::default(),
        }
    }
}
