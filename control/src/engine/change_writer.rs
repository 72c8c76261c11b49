//! Writes changes to the store and publishes them, one at a time. A change that others overtake is prepared again; one
//! that is not urgent gives way to those that are.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use changes::{
    Change, LifecyclePolicy, ManagedFlag, NextStep, Request, Revision, State, StateEdit, UnreadableRecords,
    next_step, preview, read_changes,
};
use parking_lot::{Mutex, MutexGuard, RwLock};
use rules::{Eligibility, Timestamp};

use super::adopt_error::AdoptError;
use super::blast_radius;
use super::commit_error::CommitError;
use super::current_facts::CurrentFacts;
use super::current_state::CurrentState;
use super::outcome::{Applied, ApplyError, DryRun, applied};
use super::prepared::{Prepared, prepare, side};
use super::urgency::{Urgency, UrgentChanges};
use crate::history::History;
use crate::keep_states::LastGood;
use crate::operators::Operators;
use crate::publish::{Fit, Publish};
use crate::store::{Commit, Store, StoreError};

/// The number of times a common change is prepared without the queue, where another change may be first; and as often with
/// it, where only urgent changes may be first. After these it has the queue of those too, and only kills may be.
const MAX_TRIES: usize = 8;
/// The time after which a change that gave way to kills is rejected; below the time limit of a request.
const GIVE_UP_AFTER: Duration = Duration::from_secs(25);

/// A former state and the change that was prepared against it, if it can be used again.
type Former = Option<(CurrentState, Prepared)>;

/// The result of one try to commit a change.
enum Tried {
    /// It was applied, or failed.
    Ended(Result<Applied, ApplyError>),
    /// Another change was first. Nothing was written.
    Overtaken(Former),
    /// The commit gave way to an urgent change. Nothing was written.
    Interrupted(Former),
}

/// The store, the current state, and the locks under which a change alters both.
pub(super) struct ChangeWriter {
    pub(super) store: Arc<dyn Store>,
    pub(super) current: RwLock<CurrentState>,
    pub(super) policy: LifecyclePolicy,
    pub(super) history: Mutex<History>,
    /// The operators, once they are known.
    pub(super) operators: OnceLock<Arc<Operators>>,
    /// The attributes that tokens and requests can have, once they are known.
    pub(super) request_attributes: RwLock<Option<Vec<String>>>,
    publish: Arc<dyn Publish>,
    /// The time after which a change that gave way to kills is rejected.
    pub(super) give_up_after: Duration,
    /// Held by a change that is not urgent from the check with the data plane to its publication.
    queue: Mutex<()>,
    /// Held by an urgent change other than a kill from before its check to its publication, and by a common change that
    /// gave way to those too often.
    urgent_queue: Mutex<()>,
    /// Held from the last check of a change to its publication. Planning and compiling are done before.
    publication: Mutex<()>,
    /// The urgent changes that are being applied.
    urgent: UrgentChanges,
}

impl ChangeWriter {
    pub(super) fn new(
        store: Arc<dyn Store>,
        current: CurrentState,
        policy: LifecyclePolicy,
        publish: Arc<dyn Publish>,
        history: History,
    ) -> Self {
        Self {
            store,
            current: RwLock::new(current),
            policy,
            history: Mutex::new(history),
            operators: OnceLock::new(),
            request_attributes: RwLock::new(None),
            publish,
            give_up_after: GIVE_UP_AFTER,
            queue: Mutex::new(()),
            urgent_queue: Mutex::new(()),
            publication: Mutex::new(()),
            urgent: UrgentChanges::default(),
        }
    }

    /// Returns a copy of the current state, which shares its parts.
    pub(super) fn snapshot(&self) -> CurrentState {
        self.current.read().clone()
    }

    /// Sets the eligibility rules of the current state.
    pub(super) fn set_eligibility(&self, eligibility: Eligibility) {
        let _publication = self.publication.lock();
        let mut current = self.current.write();
        if current.eligibility() != eligibility {
            current.catalog.set_eligibility(eligibility);
        }
    }

    /// Runs an action while no change is between its check and its publication.
    pub(super) fn without_changes<R>(&self, action: impl FnOnce() -> R) -> R {
        let _queue = self.queue.lock();
        let _publication = self.publication.lock();
        action()
    }

    /// Adopts what other processes have committed to the store, and publishes it. Returns the revision that is served then.
    ///
    /// # Errors
    /// The store can't be read, or its newest state can't be served here: the former one stays active.
    pub(super) fn adopt_commits(&self) -> Result<Revision, AdoptError> {
        // The document of the gateway stays the same from the check to the publication.
        let _queue = self.queue.lock();
        let publication = self.publication.lock();
        self.adopt_newest(&publication)
    }

    /// Adopts as [`ChangeWriter::adopt_commits`] does, under the lock of publication.
    fn adopt_newest(&self, _publication: &MutexGuard<'_, ()>) -> Result<Revision, AdoptError> {
        let base = self.snapshot();
        let changes = self.store.changes_since(base.state.revision)?;
        if changes.revision <= base.state.revision {
            return Ok(base.state.revision);
        }
        let changed = changes.records.into_iter();
        let changed = changed.map(|record| (record.key, record.value));
        let edits = match read_changes(&base.state, changed) {
            Ok(edits) => edits,
            Err(UnreadableRecords::Damaged(damage)) => return Err(StoreError::Corrupt(damage).into()),
            Err(UnreadableRecords::Form) => return Err(AdoptError::Form),
        };
        let document_edits = edits.iter().map(StateEdit::document_edit);
        let draft = base.catalog.draft(document_edits.collect());
        let draft = draft.map_err(|report| AdoptError::Invalid(report.into()))?;
        let fit = self.publish.check(draft.compiled())?;
        drop(base);
        // Held until after `publish`, so that a reader never sees a revision that is not yet served.
        let mut current = self.current.write();
        current.adopt(&edits, draft, changes.revision);
        self.publish
            .publish(current.catalog.compiled(), changes.revision, fit)?;
        Ok(changes.revision)
    }

    /// Returns the effect that a change would have, and writes nothing.
    ///
    /// # Errors
    /// The reasons to reject the change.
    pub(super) fn dry_run(&self, request: &Request) -> Result<DryRun, ApplyError> {
        let current = self.snapshot();
        let Prepared { plan, draft, .. } = self.prepare(&current, request)?;
        // `apply` makes the same check before its commit.
        self.publish.check(draft.compiled())?;
        let preview = preview(current.side(), side(&draft), &plan.affected, request.at);
        let limit = blast_radius::limit(&self.policy, &plan, request);
        Ok(DryRun {
            revision: current.state.revision,
            changed: !plan.writes.is_empty(),
            needs_force: limit.is_some_and(|limit| preview.affects_more_than(limit)),
            read_only: None,
            preview,
            items: plan.items,
            summary: plan.summary,
        })
    }

    /// Applies a change to the newest state. Planning and compiling can take seconds, so they run without a lock and are
    /// repeated if another change was first.
    pub(super) fn apply(&self, request: &Request) -> Result<Applied, ApplyError> {
        let urgency = Urgency::of(&request.change);
        let _waiting = self.urgent.enter(urgency);
        match urgency {
            Urgency::Common => self.apply_common(request),
            Urgency::Urgent | Urgency::Kill => self.apply_urgent(request, urgency),
        }
    }

    /// Applies a change that gives way to urgent ones. After some tries it holds the queue while it is prepared, and after
    /// some more the queue of urgent changes, so that a slow one cannot starve. Only kills can still be first then, and no
    /// kill waits for a common change: after them it waits for a pause, and after some time it is rejected.
    fn apply_common(&self, request: &Request) -> Result<Applied, ApplyError> {
        let begun = Instant::now();
        let deadline = begun.checked_add(self.give_up_after).unwrap_or(begun);
        let mut urgent_queue = None;
        let mut former = None;
        for attempt in 0_usize.. {
            // Before the queue, in all changes that take both.
            if attempt >= 2 * MAX_TRIES {
                urgent_queue.get_or_insert_with(|| self.urgent_queue.lock());
            }
            // Held for one try only, so that the replacement of the gateway's document waits no longer.
            let queue = (attempt >= MAX_TRIES).then(|| self.queue.lock());
            let current = self.snapshot();
            let prepared = self.prepare_again(&current, request, former.take())?;
            let queue = queue.unwrap_or_else(|| self.queue.lock());
            let fit = self.check_fit(&current, &prepared)?;
            let publication = self.publication.lock();
            let gives_way_as = match urgent_queue {
                Some(_) => Urgency::Urgent,
                None => Urgency::Common,
            };
            let is_interrupted;
            (is_interrupted, former) =
                match self.try_commit((current, prepared), fit, gives_way_as, publication) {
                    Tried::Ended(applied) => return applied,
                    Tried::Overtaken(again) => (false, again),
                    Tried::Interrupted(again) => (true, again),
                };
            // Those that wait for it are next.
            MutexGuard::unlock_fair(queue);
            let only_kills_are_first = urgent_queue.is_some();
            if only_kills_are_first && Instant::now() >= deadline {
                break;
            }
            if (is_interrupted || only_kills_are_first) && !self.urgent.wait_for_pause_of_kills(deadline) {
                break;
            }
        }
        Err(ApplyError::GaveWay)
    }

    /// Applies an urgent change or a kill. The queue is not held, so the gateway's document can be replaced until the lock of
    /// publication is.
    fn apply_urgent(&self, request: &Request, urgency: Urgency) -> Result<Applied, ApplyError> {
        let mut former = None;
        for _ in 0..4 * MAX_TRIES {
            let current = self.snapshot();
            let prepared = self.prepare_again(&current, request, former.take())?;
            let _urgent_queue = (urgency == Urgency::Urgent).then(|| self.urgent_queue.lock());
            let publication = self.publication.lock();
            let fit = self.check_fit(&current, &prepared)?;
            match self.try_commit((current, prepared), fit, urgency, publication) {
                Tried::Ended(applied) => return applied,
                Tried::Overtaken(again) | Tried::Interrupted(again) => former = again,
            }
        }
        self.apply_alone(request)
    }

    /// Commits and publishes a change that was prepared against this state, unless another change was first.
    fn try_commit(
        &self,
        (current, prepared): (CurrentState, Prepared),
        fit: Option<Fit>,
        gives_way_as: Urgency,
        publication: MutexGuard<'_, ()>,
    ) -> Tried {
        let (Some(fit), true) = (fit, current.is_same_version(&self.current.read())) else {
            return Tried::Overtaken(Some((current, prepared)));
        };
        // Small changes edit the persistent maps in place, which this copy must not share then.
        let base = prepared.result.is_some().then_some(current);
        match self.commit_and_publish(prepared, fit, gives_way_as, publication) {
            Ok(applied) => Tried::Ended(Ok(applied)),
            Err(CommitError::Overtaken) => Tried::Overtaken(None),
            Err(CommitError::Failed(error)) => Tried::Ended(Err(error)),
            Err(CommitError::Interrupted(prepared)) => Tried::Interrupted(base.map(|base| (base, *prepared))),
        }
    }

    /// Applies an urgent change that others overtook in all its tries, while these wait.
    fn apply_alone(&self, request: &Request) -> Result<Applied, ApplyError> {
        let publication = self.publication.lock();
        let current = self.snapshot();
        let prepared = self.prepare_again(&current, request, None)?;
        let fit = self.check_fit(&current, &prepared)?.unwrap_or_default();
        drop(current);
        let applied = self.commit_and_publish(prepared, fit, Urgency::Kill, publication);
        applied.map_err(|error| match error {
            CommitError::Failed(error) => error,
            CommitError::Interrupted(_) | CommitError::Overtaken => ApplyError::GaveWay,
        })
    }

    /// Prepares a change against the current state: from what was prepared against a former one, if it is an import and no
    /// other change has touched the same parts since; otherwise anew, which can take long. Only an import is rebased: the
    /// conditions of other changes read flags and tenants that they do not edit.
    fn prepare_again(
        &self,
        current: &CurrentState,
        request: &Request,
        former: Former,
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
    /// the document stays the same, but not the lock of publication.
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

    /// Returns the next step of a flag's lifecycle with its conditions, and the revision; `None` if there is no such flag.
    pub(super) fn next_step(&self, flag: &str, at: Timestamp) -> Option<(Revision, NextStep)> {
        let current = self.snapshot();
        // No condition of a promotion depends on whether there are operators.
        let facts = self.facts(&current, at, true);
        let step = next_step(&current.state, flag, at, &self.policy, &facts)?;
        Some((current.state.revision, step))
    }

    fn facts<'k>(
        &'k self,
        current: &'k CurrentState,
        now: Timestamp,
        has_operators: bool,
    ) -> CurrentFacts<'k> {
        CurrentFacts {
            compiled: current.catalog.compiled(),
            store: (current.state.revision != Revision::default()).then_some(&*self.store),
            history: &self.history,
            operators: self.operators.get().map(|operators| &**operators),
            now,
            request_attributes: self.request_attributes.read().clone(),
            has_operators,
        }
    }

    pub(super) fn prepare(&self, current: &CurrentState, request: &Request) -> Result<Prepared, ApplyError> {
        let facts = self.facts(current, request.at, !request.actor.is_local());
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
        publication: MutexGuard<'_, ()>,
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
                self.store.commit(None, &commit)?;
            }
            return Ok(applied(prepared.plan, expected, false, last_good));
        }
        let interrupted = || self.urgent.are_waiting(urgency);
        let revision = match self.store.commit_unless(Some(expected), &commit, &interrupted) {
            Ok(revision) => revision,
            Err(error) => {
                if matches!(error, StoreError::Conflict { .. }) {
                    // Another process was first: its commit is served before the change is prepared again.
                    self.adopt_newest(&publication)?;
                    return Err(CommitError::Overtaken);
                }
                // The urgent change that interrupts this one is next.
                MutexGuard::unlock_fair(publication);
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
        drop(publication);
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
}

/// Returns true if an edit alters the lifecycle of a flag or its stages in force, or kills or restores one.
fn alters_states(state: &State, edits: &[StateEdit]) -> bool {
    edits.iter().any(|edit| match edit {
        StateEdit::Flag(key, after) => {
            let before = state.flag(key);
            let states = |flag: &ManagedFlag| (flag.lifecycle(), flag.is_enabled());
            let exposure =
                |flag: Option<&ManagedFlag>| flag.and_then(|flag| flag.definition.exposure.clone());
            before.as_ref().map(states) != after.as_ref().map(states)
                || exposure(before.as_ref()) != exposure(after.as_ref())
        }
        StateEdit::Head(_) | StateEdit::Segment(..) | StateEdit::Tenant(..) => false,
    })
}
