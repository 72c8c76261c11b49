//! Applies changes: judges, compiles, commits, publishes, in this order, one at a time. If any step fails nothing
//! has happened; when a change was answered it is on the disk and in force.

mod blast_radius;
mod current_facts;
mod files;
mod invalid_tenants;
mod opened;
mod outcome;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use changes::{
    Code, Entry, NoPlan, Plan, Policy, Refusal, Request, State, StateEdit, affects_more_than, preview,
};
use config::{Catalog, Compiled, Draft, FlagsDocument};
use parking_lot::{Mutex, MutexGuard, RwLock};
use rules::{Eligibility, Flags, Tenants, Timestamp};

use self::current_facts::CurrentFacts;
pub use self::files::{Damage, catalog_of};
use self::files::{Unpublished, of_document, read_only};
use self::invalid_tenants::invalid_tenants;
use self::opened::CurrentState;
pub use self::opened::{OpenError, Opened};
pub use self::outcome::{Applied, ApplyError, DryRun};
use crate::break_glass::LocalKill;
use crate::history::History;
use crate::observe::Observe;
use crate::publish::Publish;
use crate::refused::{Refused, Who};
use crate::store::{Commit, MemoryStore, Store, StoreError};

/// How often a change is prepared beside others, which may be first each time, until it keeps them waiting.
const MAX_TRIES: usize = 8;

/// The control plane: what is current, and the one way to change it. Every call may block.
pub struct Control {
    owner: Owner,
    store: Arc<dyn Store>,
    publish: Arc<dyn Publish>,
    observe: Arc<dyn Observe>,
    policy: Policy,
    history: Mutex<History>,
    refused: Refused,
    /// Held while a change is made. What takes long is done before.
    writer: Mutex<()>,
    current: RwLock<CurrentState>,
}

/// Who changes the flags.
enum Owner {
    /// This control plane.
    ControlPlane,
    /// Whoever writes the files; here they are only looked at.
    Files {
        document: DocumentSource,
        /// Whether the files were read again since what is current was made of them.
        stale: AtomicBool,
        /// What is wrong with the store in whose place they are.
        damage: Option<Damage>,
    },
}

/// Gives the document that is served, where files manage the flags; none where they can't be read now.
pub type DocumentSource = Box<dyn Fn() -> Option<FlagsDocument> + Send + Sync>;

type Side<'k> = (&'k Flags, &'k Tenants);

/// A change that was judged and compiled.
struct Prepared {
    plan: Plan,
    draft: Draft,
}

impl Control {
    /// A control plane for flags that files manage: it tells of them, and changes nothing.
    #[must_use]
    pub fn of_files(
        document: DocumentSource,
        eligibility: Eligibility,
        policy: Policy,
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
            owner: Owner::Files {
                document,
                stale: AtomicBool::new(true),
                damage: None,
            },
            ..opened.control(policy, Arc::new(Unpublished), observe, history)
        }
    }

    /// The same, but its files stand in for a store that is damaged. Of that one what can be read of its log is told.
    #[must_use]
    pub fn instead_of(self, store: Arc<dyn Store>, found: Damage) -> Self {
        let owner = match self.owner {
            Owner::Files { document, stale, .. } => Owner::Files {
                document,
                stale,
                damage: Some(found),
            },
            Owner::ControlPlane => Owner::ControlPlane,
        };
        Self { owner, store, ..self }
    }

    /// What is wrong with the store, so that nothing can be changed.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        match &self.owner {
            Owner::Files { damage, .. } => damage.as_ref(),
            Owner::ControlPlane => None,
        }
    }

    /// The files were read again, where they manage the flags: what is kept is made anew when it is next asked for.
    pub fn files_changed(&self) {
        if let Owner::Files { stale, .. } = &self.owner {
            stale.store(true, Ordering::Release);
        }
    }

    /// Judges flags by another environment's rules from now on, in what is told and tried here.
    pub fn set_eligibility(&self, eligibility: Eligibility) {
        let _writer = self.writer.lock();
        let mut current = self.current.write();
        if current.eligibility() != eligibility {
            current.catalog.set_eligibility(eligibility);
        }
    }

    /// Whether files manage the flags, so that nothing can be changed here.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.owner, Owner::Files { .. })
    }

    /// Makes a change, or says everything that stands against it.
    ///
    /// # Errors
    /// Nothing was changed. A refusal is in the audit log.
    pub fn apply(&self, request: &Request) -> Result<Applied, ApplyError> {
        if self.is_read_only() {
            let error = read_only(self.damage());
            self.audit_refusal(request, &error);
            return Err(error);
        }
        let applied = self.apply_latest(request);
        if let Err(error) = &applied {
            self.audit_refusal(request, error);
        }
        applied
    }

    /// Does what must not come between a change's check and its publication, such as taking over a document.
    pub fn without_changes<R>(&self, action: impl FnOnce() -> R) -> R {
        let _writer = self.writer.lock();
        action()
    }

    /// What a change would do. Nothing is changed, nothing is written.
    ///
    /// # Errors
    /// What stands against it.
    pub fn dry_run(&self, request: &Request) -> Result<DryRun, ApplyError> {
        self.refresh();
        let current = self.snapshot();
        let Prepared { plan, draft } = self.prepare(&current, request)?;
        // What the gateway can't serve would be refused.
        self.publish.check(draft.compiled())?;
        let (before, after) = sides(&current, &draft);
        let preview = preview(before, after, &plan.affected, request.at);
        let limit = blast_radius::limit(&self.policy, &plan, request);
        Ok(DryRun {
            revision: current.state.revision,
            needs_force: limit.is_some_and(|limit| preview.affects_more_than(limit)),
            preview,
            items: plan.items,
            summary: plan.summary,
        })
    }

    /// Looks at what is current, all at one revision. Changes go on meanwhile.
    pub fn read<R>(&self, read: impl FnOnce(&State, &Compiled) -> R) -> R {
        self.refresh();
        let current = self.snapshot();
        read(&current.state, current.catalog.compiled())
    }

    /// Makes what is current anew of the files, if they were read again. What can't be read leaves it as it was.
    fn refresh(&self) {
        let Owner::Files { document, stale, .. } = &self.owner else {
            return;
        };
        if !stale.load(Ordering::Acquire) {
            return;
        }
        let mut current = self.current.write();
        if !stale.swap(false, Ordering::AcqRel) {
            return;
        }
        let (eligibility, revision) = (current.eligibility(), current.state.revision);
        let read = document().and_then(|document| of_document(document, eligibility, revision));
        match read {
            Some(read) => *current = read,
            None => stale.store(true, Ordering::Release),
        }
    }

    /// The store, for its audit log and for backups.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// What changes must meet.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Puts entries into the audit log that no change goes with.
    ///
    /// # Errors
    /// The store did not take them.
    pub fn record(&self, audit: Vec<Entry>) -> Result<(), StoreError> {
        if self.is_read_only() {
            // There is no log to put them into.
            for entry in audit {
                tracing::warn!(
                    event = entry.event.platform_name(),
                    actor = entry.actor,
                    request_id = entry.request_id,
                    "refused"
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

    /// Looks at what requests met, and takes note of it. To be called now and then.
    pub fn record_observations(&self, now: Timestamp) {
        let observed = self.observe.flags();
        let current = self.current.read();
        let mut history = self.history.lock();
        history.record(now, observed);
        history.retain(|flag| current.state.has_flag(flag));
    }

    /// What was observed of flags.
    pub fn history(&self) -> History {
        self.history.lock().clone()
    }

    /// The flags that gates name.
    #[must_use]
    pub fn gated(&self) -> Vec<String> {
        self.observe.gated()
    }

    /// The flags that are killed on this machine.
    #[must_use]
    pub fn local_kills(&self) -> Vec<LocalKill> {
        self.observe.local_kills()
    }

    /// What is put into the audit log of what is refused.
    pub(crate) fn refused(&self) -> &Refused {
        &self.refused
    }

    /// What is current, for those who need it for longer.
    fn snapshot(&self) -> CurrentState {
        self.current.read().clone()
    }

    fn apply_latest(&self, request: &Request) -> Result<Applied, ApplyError> {
        for _ in 1..MAX_TRIES {
            let current = self.snapshot();
            let prepared = self.prepare_within_limit(&current, request)?;
            let writer = self.writer.lock();
            if current.is_same(&self.current.read()) {
                // What nobody else holds need not be copied to be changed.
                drop(current);
                return self.commit_and_publish(prepared, &writer);
            }
        }
        let writer = self.writer.lock();
        let prepared = self.prepare_within_limit(&self.snapshot(), request)?;
        self.commit_and_publish(prepared, &writer)
    }

    /// A change that may be made of what is current.
    fn prepare_within_limit(
        &self,
        current: &CurrentState,
        request: &Request,
    ) -> Result<Prepared, ApplyError> {
        let prepared = self.prepare(current, request)?;
        let Prepared { plan, draft } = &prepared;
        let limit = blast_radius::limit(&self.policy, plan, request).filter(|_| !request.force);
        let (before, after) = sides(current, draft);
        if let Some(limit) = limit
            && affects_more_than(limit, before, after, &plan.affected, request.at)
        {
            return Err(ApplyError::Refused(vec![blast_radius::refusal(limit)]));
        }
        Ok(prepared)
    }

    /// Makes a change that was prepared of what is current.
    fn commit_and_publish(
        &self,
        prepared: Prepared,
        _writer: &MutexGuard<'_, ()>,
    ) -> Result<Applied, ApplyError> {
        let Prepared { plan, draft } = prepared;
        let Plan {
            edits,
            writes,
            audit,
            items,
            summary,
            ..
        } = plan;
        let expected = self.current.read().state.revision;
        let applied = |revision, changed| Applied {
            revision,
            changed,
            items,
            summary,
        };
        if writes.is_empty() {
            if !audit.is_empty() {
                self.record(audit)?;
            }
            return Ok(applied(expected, false));
        }
        let fit = self.publish.check(draft.compiled())?;
        let commit = Commit { writes, audit };
        let revision = self.store.commit(Some(expected), &commit)?;
        let mut current = self.current.write();
        current.adopt(&edits, draft, revision);
        let published = self.publish.publish(current.catalog.compiled(), revision, fit);
        drop(current);
        if let Err(error) = published {
            // It is current, so that the next start serves it; that it can't be served now is nothing that `check`
            // could have known.
            tracing::error!(%error, revision = revision.0, "a change was current and is not in force");
            return Err(ApplyError::Unforced {
                revision,
                reason: error.to_string(),
            });
        }
        Ok(applied(revision, true))
    }

    fn prepare(&self, current: &CurrentState, request: &Request) -> Result<Prepared, ApplyError> {
        let revision = current.state.revision;
        if let Some(expected) = request.expected.filter(|expected| *expected != revision) {
            return Err(ApplyError::Conflict {
                expected,
                current: revision,
            });
        }
        let facts = CurrentFacts {
            compiled: current.catalog.compiled(),
            history: &self.history,
            now: request.at,
        };
        let plan_excluding =
            |excluded| match changes::plan_excluding(&current.state, request, &self.policy, &facts, excluded)
            {
                Ok(plan) => Ok(plan),
                Err(NoPlan::Refused(refusals)) => Err(ApplyError::Refused(refusals)),
                Err(NoPlan::Unreadable(edits)) => {
                    Err(ApplyError::Invalid(current.catalog.explain(&edits).into()))
                }
            };
        let draft = |plan: &Plan| {
            let edits = plan.edits.iter().map(StateEdit::document_edit);
            let draft = current.catalog.draft(edits.collect());
            draft.map_err(|report| ApplyError::Invalid(report.into()))
        };
        let plan = plan_excluding(BTreeMap::new())?;
        let drafted = draft(&plan);
        if plan.unreadable.is_empty()
            && let Ok(draft) = drafted
        {
            return Ok(Prepared { plan, draft });
        }
        let excluded = invalid_tenants(&current.catalog, &request.change, &plan);
        if excluded.is_empty() {
            return drafted.map(|draft| Prepared { plan, draft });
        }
        let plan = plan_excluding(excluded)?;
        let draft = draft(&plan)?;
        Ok(Prepared { plan, draft })
    }

    fn audit_refusal(&self, request: &Request, error: &ApplyError) {
        let refusals = match error {
            ApplyError::Refused(refusals) => refusals.clone(),
            ApplyError::Invalid(_) => vec![Refusal::new(
                Code::InvalidDocument,
                "the document would be invalid",
            )],
            // A lost race is no refusal, and a store that takes nothing takes no entry either.
            ApplyError::Conflict { .. }
            | ApplyError::Store(_)
            | ApplyError::Publish(_)
            | ApplyError::Unforced { .. } => return,
        };
        let entry = changes::refused_entry(request, &refusals);
        let Some(entry) = self.refused.limited(&Who::Actor(&request.actor), entry) else {
            return;
        };
        if let Err(error) = self.record(vec![entry]) {
            tracing::error!(%error, "a refusal could not be put into the audit log");
        }
    }
}

/// What is decided by before a change and after it.
fn sides<'k>(current: &'k CurrentState, draft: &'k Draft) -> (Side<'k>, Side<'k>) {
    let side = |compiled: &'k Compiled| (&*compiled.flags, &*compiled.tenants);
    (side(current.catalog.compiled()), side(draft.compiled()))
}
