//! Applies changes, one at a time: plan, compile, check with the data plane, commit, publish, in this order. A change that
//! fails before its commit has no effect; an acknowledged change is on the disk and active.

mod blast_radius;
mod commit_error;
mod current_facts;
mod current_state;
mod files;
mod invalid_tenants;
mod opened;
mod outcome;
mod prepared;
mod urgency;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use changes::{
    Change, Code, Entry, LifecyclePolicy, ManagedFlag, Refusal, Request, Revision, State, StateEdit, preview,
};
use config::{Catalog, Compiled, FlagsDocument};
use parking_lot::{Mutex, MutexGuard, RwLock};
use rules::{Eligibility, Timestamp};

use self::commit_error::CommitError;
use self::current_facts::CurrentFacts;
use self::current_state::CurrentState;
pub use self::files::{Damage, catalog_of};
use self::files::{Unpublished, read_only, state_of_document};
pub use self::opened::{OpenError, Opened};
use self::outcome::applied;
pub use self::outcome::{Applied, ApplyError, DryRun};
use self::prepared::{Prepared, prepare};
use self::urgency::{Urgency, UrgentChanges};
use crate::audit_limiter::{AuditLimiter, LimitedCaller};
use crate::break_glass::LocalKill;
use crate::history::History;
use crate::keep_states::{KeepStates, LAST_GOOD_WAIT, LastGood};
use crate::observe::Observe;
use crate::publish::{Fit, Publish};
use crate::store::{Commit, MemoryStore, Store, StoreError};

/// The number of times a change is prepared without the queue, where another change may be first; and then nearly as often
/// with it, where only urgent changes may be first.
const MAX_TRIES: usize = 8;

/// The control plane: the current state, and the only way to change it. Every call may block.
pub struct Control {
    managed_by: ManagedBy,
    store: Arc<dyn Store>,
    publish: Arc<dyn Publish>,
    observe: Arc<dyn Observe>,
    policy: LifecyclePolicy,
    history: Mutex<History>,
    refused: AuditLimiter,
    /// Held by a change that is not urgent from the check with the data plane to its publication.
    queue: Mutex<()>,
    /// Held from the last check of a change to its publication. Planning and compiling are done before.
    writer: Mutex<()>,
    /// The urgent changes that are being applied.
    urgent: UrgentChanges,
    current: RwLock<CurrentState>,
    /// The copy of flags' states for a start without the store, once there is one.
    keep_states: OnceLock<Arc<dyn KeepStates>>,
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
        Self {
            managed_by,
            store,
            ..self
        }
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
        let _writer = self.writer.lock();
        let mut current = self.current.write();
        if current.eligibility() != eligibility {
            current.catalog.set_eligibility(eligibility);
        }
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
            let error = read_only(self.damage());
            self.audit_refusal(request, &error);
            return Err(error);
        }
        let mut applied = self.apply_latest(request);
        match &mut applied {
            Ok(applied) => self.keep_states(applied),
            Err(error) => self.audit_refusal(request, error),
        }
        applied
    }

    /// Sets the copy of flags' states that is written before a change of one of them is answered.
    pub fn set_keep_states(&self, keep_states: Arc<dyn KeepStates>) {
        let _ = self.keep_states.set(keep_states);
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
        let state = self.current.read().state.clone();
        applied.last_good = match keep_states.keep(&state, LAST_GOOD_WAIT) {
            true => LastGood::Written,
            false => LastGood::NotWritten,
        };
    }

    /// Runs an action while no change is between its check and its publication, such as accepting a gateway document.
    pub fn without_changes<R>(&self, action: impl FnOnce() -> R) -> R {
        let _queue = self.queue.lock();
        let _writer = self.writer.lock();
        action()
    }

    /// Returns the effect that a change would have, and writes nothing.
    ///
    /// # Errors
    /// The reasons to reject the change.
    pub fn dry_run(&self, request: &Request) -> Result<DryRun, ApplyError> {
        self.refresh();
        let current = self.snapshot();
        let Prepared { plan, draft, .. } = self.prepare(&current, request)?;
        // `apply` makes the same check before its commit.
        self.publish.check(draft.compiled())?;
        let preview = preview(current.side(), prepared::side(&draft), &plan.affected, request.at);
        let limit = blast_radius::limit(&self.policy, &plan, request);
        Ok(DryRun {
            revision: current.state.revision,
            needs_force: limit.is_some_and(|limit| preview.affects_more_than(limit)),
            preview,
            items: plan.items,
            summary: plan.summary,
        })
    }

    /// Reads the current state and its snapshot, at one revision. Changes are not blocked meanwhile.
    pub fn read<R>(&self, read: impl FnOnce(&State, &Compiled) -> R) -> R {
        self.refresh();
        let current = self.snapshot();
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
        let mut current = self.current.write();
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
        &*self.store
    }

    /// Returns the policy of changes.
    #[must_use]
    pub fn policy(&self) -> &LifecyclePolicy {
        &self.policy
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
        self.store.commit(None, &commit).map(|_| ())
    }

    /// Records the observations of the data plane in the history. Called periodically.
    pub fn record_observations(&self, now: Timestamp) {
        let observed = self.observe.flags();
        let current = self.current.read();
        let mut history = self.history.lock();
        history.record(now, observed);
        history.retain(now, |flag| current.state.has_flag(flag));
    }

    /// Returns the history of observations.
    pub fn history(&self) -> History {
        self.history.lock().clone()
    }

    /// Returns the flags that gates name.
    #[must_use]
    pub fn gated(&self) -> Vec<String> {
        self.observe.gated()
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

    /// Returns a copy of the current state, which shares its parts.
    fn snapshot(&self) -> CurrentState {
        self.current.read().clone()
    }

    /// Applies a change to the newest state. Planning and compiling can take seconds, so they run without a lock and are
    /// repeated if another change was first. After some tries a change holds the queue meanwhile, and before the last one
    /// the writer lock, so that a slow one cannot starve. Urgent changes do not wait for the queue.
    fn apply_latest(&self, request: &Request) -> Result<Applied, ApplyError> {
        let urgency = Urgency::of(&request.change);
        let _waiting = (urgency == Urgency::Urgent).then(|| self.urgent.enter());
        let mut queue = None;
        let mut former = None;
        for attempt in 1..2 * MAX_TRIES {
            if attempt >= MAX_TRIES && urgency == Urgency::Common {
                queue = queue.or_else(|| Some(self.queue.lock()));
            }
            let current = self.snapshot();
            let prepared = self.prepare_again(&current, request, former.take())?;
            let _queue = (urgency == Urgency::Common && queue.is_none()).then(|| self.queue.lock());
            let (fit, writer) = match urgency {
                Urgency::Common => {
                    let fit = self.check_fit(&current, &prepared)?;
                    (fit, self.writer.lock())
                }
                Urgency::Urgent => {
                    // The queue is not held, so the gateway's document can be replaced until the writer lock is.
                    let writer = self.writer.lock();
                    (self.check_fit(&current, &prepared)?, writer)
                }
            };
            let (Some(fit), true) = (fit, current.is_same_version(&self.current.read())) else {
                former = Some((current, prepared));
                continue;
            };
            // Small changes edit the persistent maps in place, which this copy must not share then.
            let base = prepared.result.is_some().then_some(current);
            match self.commit_and_publish(prepared, fit, urgency, writer) {
                Ok(applied) => return Ok(applied),
                Err(CommitError::Failed(error)) => return Err(error),
                Err(CommitError::Interrupted(prepared)) => former = base.map(|base| (base, *prepared)),
            }
        }
        // So many urgent changes were first that the others must wait for this one.
        let writer = self.writer.lock();
        let current = self.snapshot();
        let prepared = self.prepare_again(&current, request, former)?;
        let fit = self.check_fit(&current, &prepared)?.unwrap_or_default();
        drop(current);
        let applied = self.commit_and_publish(prepared, fit, Urgency::Urgent, writer);
        applied.map_err(|error| match error {
            CommitError::Failed(error) => error,
            CommitError::Interrupted(_) => ApplyError::Store(StoreError::Interrupted),
        })
    }

    /// Prepares a change against the current state: from what was prepared against a former one, if it is an import and no
    /// other change has touched the same parts since; otherwise anew, which can take long. Only an import is rebased: the
    /// conditions of other changes read flags and tenants that they do not edit.
    fn prepare_again(
        &self,
        current: &CurrentState,
        request: &Request,
        former: Option<(CurrentState, Prepared)>,
    ) -> Result<Prepared, ApplyError> {
        let rebased = former
            .filter(|_| request.expected.is_none() && matches!(request.change, Change::ImportTenants { .. }))
            .and_then(|(base, prepared)| prepared.rebased(&base, current, request.at));
        let prepared = match rebased {
            Some(prepared) => self.within_limit(prepared, current, request)?,
            None => self.prepare_within_limit(current, request)?,
        };
        Ok(prepared.with_result(current))
    }

    /// Checks that the data plane can serve a prepared change; none if another change was first, so that it must be
    /// prepared again. Loads the gateway's document again if ids change, which can take long: the queue is held, so that
    /// the document stays the same, but not the writer lock.
    fn check_fit(&self, current: &CurrentState, prepared: &Prepared) -> Result<Option<Fit>, ApplyError> {
        if !current.is_same_version(&self.current.read()) {
            return Ok(None);
        }
        match prepared.plan.writes.is_empty() {
            true => Ok(Some(None)),
            false => Ok(Some(self.publish.check(prepared.draft.compiled())?)),
        }
    }

    /// Returns a change that is prepared, and within the blast radius unless it is forced.
    fn prepare_within_limit(
        &self,
        current: &CurrentState,
        request: &Request,
    ) -> Result<Prepared, ApplyError> {
        let prepared = self.prepare(current, request)?;
        self.within_limit(prepared, current, request)
    }

    /// Refuses a change that is beyond the blast radius and not forced.
    fn within_limit(
        &self,
        prepared: Prepared,
        current: &CurrentState,
        request: &Request,
    ) -> Result<Prepared, ApplyError> {
        let limit = blast_radius::limit(&self.policy, &prepared.plan, request).filter(|_| !request.force);
        if let Some(limit) = limit
            && prepared.affects_more_than(limit, current, request.at)
        {
            return Err(ApplyError::Refused(vec![blast_radius::refusal(limit)]));
        }
        Ok(prepared)
    }

    fn prepare(&self, current: &CurrentState, request: &Request) -> Result<Prepared, ApplyError> {
        let facts = CurrentFacts {
            compiled: current.catalog.compiled(),
            store: (current.state.revision != Revision::default()).then_some(&*self.store),
            history: &self.history,
            now: request.at,
        };
        prepare(current, request, &self.policy, &facts)
    }

    /// Commits and publishes a change that was prepared against the current state. The order makes every failure clean:
    /// `check` rejects what the data plane cannot serve before anything is written, the commit makes the change durable,
    /// and only then is it visible.
    fn commit_and_publish(
        &self,
        mut prepared: Prepared,
        fit: Fit,
        urgency: Urgency,
        writer: MutexGuard<'_, ()>,
    ) -> Result<Applied, CommitError> {
        let expected = self.current.read().state.revision;
        let last_good = match alters_states(&self.current.read().state, &prepared.plan.edits) {
            true => LastGood::Due,
            false => LastGood::Unaffected,
        };
        let commit = Commit {
            writes: std::mem::take(&mut prepared.plan.writes),
            audit: std::mem::take(&mut prepared.plan.audit),
        };
        if commit.writes.is_empty() {
            if !commit.audit.is_empty() {
                self.record(commit.audit)?;
            }
            return Ok(applied(prepared.plan, expected, false, last_good));
        }
        let interrupted = || urgency == Urgency::Common && self.urgent.are_waiting();
        let revision = match self.store.commit_unless(Some(expected), &commit, &interrupted) {
            Ok(revision) => revision,
            Err(error) => {
                // The urgent change that interrupts this one is next.
                MutexGuard::unlock_fair(writer);
                if !matches!(error, StoreError::Interrupted) {
                    return Err(error.into());
                }
                prepared.plan.writes = commit.writes;
                prepared.plan.audit = commit.audit;
                return Err(CommitError::Interrupted(Box::new(prepared)));
            }
        };
        let Prepared {
            mut plan,
            draft,
            result,
        } = prepared;
        let edits = std::mem::take(&mut plan.edits);
        // Held until after `publish`, so that a reader never sees a revision that is not yet served.
        let mut current = self.current.write();
        let former = match result {
            Some(mut result) => {
                result.state.revision = revision;
                Some(std::mem::replace(&mut *current, result))
            }
            None => {
                current.adopt(&edits, draft, revision);
                None
            }
        };
        let published = self.publish.publish(current.catalog.compiled(), revision, fit);
        drop(current);
        drop(writer);
        // Large, and no longer needed by anyone: freed while others can go on.
        drop((former, commit, edits));
        if let Err(error) = published {
            // The commit cannot be undone: clients may have read it, and the next start serves it. `check` has passed, so
            // this is an internal failure of the data plane.
            tracing::error!(%error, revision = revision.0, "committed, but publishing failed");
            let reason = error.to_string();
            return Err(ApplyError::NotPublished { revision, reason }.into());
        }
        Ok(applied(plan, revision, true, last_good))
    }

    fn audit_refusal(&self, request: &Request, error: &ApplyError) {
        let refusals = match error {
            ApplyError::Refused(refusals) => refusals.clone(),
            ApplyError::Invalid(_) => vec![Refusal::new(
                Code::InvalidDocument,
                "the document would be invalid",
            )],
            // A conflict is not a refusal; after an error of the store its audit log cannot be written either.
            ApplyError::Conflict { .. }
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

/// Returns true if an edit alters the lifecycle of a flag, or kills or restores one.
fn alters_states(state: &State, edits: &[StateEdit]) -> bool {
    edits.iter().any(|edit| match edit {
        StateEdit::Flag(key, after) => {
            let states = |flag: &ManagedFlag| (flag.lifecycle(), flag.is_enabled());
            state.flag(key).as_ref().map(states) != after.as_ref().map(states)
        }
        StateEdit::Head(_) | StateEdit::Segment(..) | StateEdit::Tenant(..) => false,
    })
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
            store: self.store,
            publish,
            observe,
            policy,
            history: Mutex::new(history),
            refused: AuditLimiter::default(),
            queue: Mutex::new(()),
            writer: Mutex::new(()),
            urgent: UrgentChanges::default(),
            current: RwLock::new(self.current),
            keep_states: OnceLock::new(),
        }
    }
}
