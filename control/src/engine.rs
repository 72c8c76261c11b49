//! Applies changes: judges, compiles, commits, publishes, in this order, one at a time. If any step fails nothing
//! has happened; when a change was answered it is on the disk and in force.

mod facts;
mod files;
mod unfit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use config::{Catalog, Compiled, Draft, Report};
use parking_lot::{Mutex, MutexGuard, RwLock};
use rules::{Eligibility, Timestamp};
use serde_json::Value;

use self::facts::KeptFacts;
pub use self::files::Damage;
pub use self::files::catalog_of;
use self::files::{NoFacts, Unpublished, of_document, of_files, read_only};
use self::unfit::unfit;
use crate::audit::Entry;
use crate::break_glass::LocalKill;
use crate::history::History;
use crate::observe::Observe;
use crate::plan::{self, ItemResult, Plan, Request, Summary};
use crate::policy::Policy;
use crate::preview::{Preview, preview, reach};
use crate::publish::{Publish, PublishError};
use crate::refusal::{Code, Refusal};
use crate::refused::{Refused, Who};
use crate::state::State;
use crate::store::{Commit, MemoryStore, Revision, Store, StoreError};

/// The control plane: what is kept, and the one way to change it. Every call may block.
pub struct Control {
    owner: Owner,
    store: Arc<dyn Store>,
    publish: Arc<dyn Publish>,
    observe: Arc<dyn Observe>,
    policy: Policy,
    history: Mutex<History>,
    refused: Refused,
    /// Held by the one change that is under way.
    writer: Mutex<()>,
    kept: RwLock<Kept>,
}

/// Who changes the flags.
enum Owner {
    /// This control plane.
    Us,
    /// Whoever writes the files; here they are only looked at.
    Files {
        document: DocumentSource,
        /// Whether the files were read again since what is kept was made of them.
        stale: AtomicBool,
        /// What is wrong with the store in whose place they are.
        damage: Option<Damage>,
    },
}

/// Gives the document that is served, where files manage the flags; none where they can't be read now.
pub type DocumentSource = Box<dyn Fn() -> Option<Value> + Send + Sync>;

/// What is kept, in memory.
struct Kept {
    state: State,
    catalog: Catalog,
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What the store is at now.
    pub revision: Revision,
    /// Whether anything was written at all.
    pub changed: bool,
    /// What became of each item, of a change of many.
    pub items: Vec<ItemResult>,
    /// What changed, of an applied document or a cascade.
    pub summary: Summary,
}

/// What a change would do.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// What the store is at.
    pub revision: Revision,
    /// Who would be served what instead of what.
    pub preview: Preview,
    /// What would become of each item.
    pub items: Vec<ItemResult>,
    /// What would change.
    pub summary: Summary,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum ApplyError {
    /// It does not meet the policy, or names what is not there. All reasons at once.
    Refused(Vec<Refusal>),
    /// The document would be invalid: what `sluice check` would print.
    Invalid(Box<Report>),
    /// Somebody else was first.
    Conflict {
        /// What was expected.
        expected: Revision,
        /// What there is.
        current: Revision,
    },
    /// The store did not take it.
    Store(StoreError),
    /// The data plane can't take it. Nothing was changed.
    Publish(String),
    /// It is kept, and the data plane did not take it: the next start serves it.
    Unforced {
        /// What the store is at now.
        revision: Revision,
        /// Why not.
        reason: String,
    },
}

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

/// What was read and compiled of a store, before anything is served.
pub struct Opened {
    store: Arc<dyn Store>,
    kept: Kept,
    /// What an empty store is to begin with, not committed yet.
    seed: Option<Commit>,
}

/// A change that was judged and compiled.
struct Prepared {
    plan: Plan,
    draft: Draft,
}

impl Opened {
    /// Reads and compiles everything that the store holds.
    ///
    /// # Errors
    /// It can't be read, or is no valid document.
    pub fn read(store: Arc<dyn Store>, eligibility: Eligibility) -> Result<Self, OpenError> {
        // What was loaded is dropped before the rest is made of it: it is as large again.
        let state = State::from(&store.load()?)?;
        let catalog =
            Catalog::new(eligibility, state.edits()).map_err(|report| OpenError::Invalid(report.into()))?;
        Ok(Self {
            store,
            kept: Kept { state, catalog },
            seed: None,
        })
    }

    /// Begins an empty store with a document, as it is written, once that is committed by `keep`. A store that holds
    /// anything is left as it is.
    ///
    /// # Errors
    /// What stands against it.
    pub fn seeded(mut self, document: Value, at: Timestamp) -> Result<Self, ApplyError> {
        if self.revision() != Revision::default() {
            return Ok(self);
        }
        let request = of_files(document, at);
        let Kept { state, catalog } = &mut self.kept;
        let plan = plan::plan(state, &request, &Policy::default(), &NoFacts).map_err(ApplyError::Refused)?;
        let draft = catalog
            .draft(plan.edits)
            .map_err(|report| ApplyError::Invalid(report.into()))?;
        let commit = Commit {
            writes: plan.writes,
            audit: plan.audit,
        };
        state.absorb(&commit.writes, Revision(1));
        catalog.adopt(draft);
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
            self.kept.state.revision = self.store.commit(Some(Revision::default()), &commit)?;
        }
        Ok(self)
    }

    /// What it compiles to, for the gateway's document to be compiled against.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        self.kept.catalog.compiled()
    }

    /// What the store is at.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.kept.state.revision
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
            owner: Owner::Us,
            store: self.store,
            publish,
            observe,
            policy,
            history: Mutex::new(history),
            refused: Refused::default(),
            writer: Mutex::new(()),
            kept: RwLock::new(self.kept),
        }
    }
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
            kept: Kept {
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
            Owner::Us => Owner::Us,
        };
        Self { owner, store, ..self }
    }

    /// What is wrong with the store, so that nothing can be changed.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        match &self.owner {
            Owner::Files { damage, .. } => damage.as_ref(),
            Owner::Us => None,
        }
    }

    /// The files were read again, where they manage the flags: what is kept is made anew when it is next asked for.
    pub fn files_changed(&self) {
        if let Owner::Files { stale, .. } = &self.owner {
            stale.store(true, Ordering::Release);
        }
    }

    /// Judges flags by another environment's rules from now on, in what is told and tried here.
    pub fn move_to(&self, eligibility: Eligibility) {
        let mut kept = self.kept.write();
        if kept.catalog.compiled().flags.eligibility() != eligibility {
            kept.catalog.move_to(eligibility);
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
        let writer = self.writer.lock();
        let applied = self.applied(request, &writer);
        drop(writer);
        if let Err(error) = &applied {
            self.audit_refusal(request, error);
        }
        applied
    }

    /// Does what must not come between a change's check and its publication, such as taking over a document.
    pub fn undisturbed<R>(&self, act: impl FnOnce() -> R) -> R {
        let _writer = self.writer.lock();
        act()
    }

    /// What a change would do. Nothing is changed, nothing is written.
    ///
    /// # Errors
    /// What stands against it.
    pub fn dry_run(&self, request: &Request) -> Result<DryRun, ApplyError> {
        self.refresh();
        let kept = self.kept.read();
        let Prepared { plan, draft } = self.prepared(&kept, request)?;
        let (revision, before) = (kept.state.revision, kept.catalog.compiled().clone());
        // What follows may take long, and no change waits for it.
        drop(kept);
        // What the gateway can't serve would be refused.
        self.publish.check(draft.compiled()).map_err(unpublished)?;
        Ok(DryRun {
            revision,
            preview: preview_of(&before, draft.compiled(), &plan, request.at),
            items: plan.items,
            summary: plan.summary,
        })
    }

    /// Looks at what is kept, all at one revision. Changes wait meanwhile: be short.
    pub fn read<R>(&self, look: impl FnOnce(&State, &Compiled) -> R) -> R {
        self.refresh();
        let kept = self.kept.read();
        look(&kept.state, kept.catalog.compiled())
    }

    /// Makes what is kept anew of the files, if they were read again. What can't be read leaves it as it was.
    fn refresh(&self) {
        let Owner::Files { document, stale, .. } = &self.owner else {
            return;
        };
        if !stale.load(Ordering::Acquire) {
            return;
        }
        let mut kept = self.kept.write();
        if !stale.swap(false, Ordering::AcqRel) {
            return;
        }
        let eligibility = kept.catalog.compiled().flags.eligibility();
        let read = document().and_then(|document| of_document(document, eligibility, kept.state.revision));
        match read {
            Some(read) => *kept = read,
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
    pub fn look(&self, now: Timestamp) {
        let observed = self.observe.flags();
        let kept = self.kept.read();
        let mut history = self.history.lock();
        history.look(now, observed);
        history.retain(|flag| kept.state.definitions.contains_key(flag));
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

    fn applied(&self, request: &Request, _writer: &MutexGuard<'_, ()>) -> Result<Applied, ApplyError> {
        let kept = self.kept.read();
        let Prepared { plan, draft } = self.prepared(&kept, request)?;
        if plan.writes.is_empty() {
            if !plan.audit.is_empty() {
                self.record(plan.audit).map_err(ApplyError::Store)?;
            }
            return Ok(Applied {
                revision: kept.state.revision,
                changed: false,
                items: plan.items,
                summary: plan.summary,
            });
        }
        self.limit_blast(&kept, &plan, &draft, request)?;
        let fit = self.publish.check(draft.compiled()).map_err(unpublished)?;
        let expected = kept.state.revision;
        drop(kept);
        let Plan {
            writes,
            audit,
            items,
            summary,
            ..
        } = plan;
        let commit = Commit { writes, audit };
        let revision = self.store.commit(Some(expected), &commit).map_err(unkept)?;
        let mut kept = self.kept.write();
        kept.state.absorb(&commit.writes, revision);
        kept.catalog.adopt(draft);
        let published = self.publish.publish(kept.catalog.compiled(), revision, fit);
        drop(kept);
        if let Err(error) = published {
            // It is kept, so that the next start serves it; that it can't be served now is nothing that `check`
            // could have known.
            tracing::error!(%error, revision = revision.0, "a change was kept and is not in force");
            return Err(ApplyError::Unforced {
                revision,
                reason: error.to_string(),
            });
        }
        Ok(Applied {
            revision,
            changed: true,
            items,
            summary,
        })
    }

    fn prepared(&self, kept: &Kept, request: &Request) -> Result<Prepared, ApplyError> {
        let current = kept.state.revision;
        if let Some(expected) = request.expected.filter(|expected| *expected != current) {
            return Err(ApplyError::Conflict { expected, current });
        }
        let facts = KeptFacts {
            compiled: kept.catalog.compiled(),
            history: &self.history,
            now: request.at,
        };
        let plan = plan::plan(&kept.state, request, &self.policy, &facts).map_err(ApplyError::Refused)?;
        let draft = match kept.catalog.draft(plan.edits.clone()) {
            Ok(draft) => return Ok(Prepared { plan, draft }),
            Err(report) => Err(ApplyError::Invalid(report.into())),
        };
        let unfit = unfit(&kept.catalog, &request.change, &plan);
        if unfit.is_empty() {
            return draft;
        }
        let plan = plan::plan_without(&kept.state, request, &self.policy, &facts, unfit)
            .map_err(ApplyError::Refused)?;
        let draft = kept.catalog.draft(plan.edits.clone());
        let draft = draft.map_err(|report| ApplyError::Invalid(report.into()))?;
        Ok(Prepared { plan, draft })
    }

    /// Refuses what flips more tenants than may without being forced. What takes a feature away is never held up.
    fn limit_blast(
        &self,
        kept: &Kept,
        plan: &Plan,
        draft: &Draft,
        request: &Request,
    ) -> Result<(), ApplyError> {
        let Some(limit) = self.policy.max_blast_radius else {
            return Ok(());
        };
        if request.force || plan.withdraws || request.change.org().is_some() {
            return Ok(());
        }
        let (before, after) = (kept.catalog.compiled(), draft.compiled());
        let reached = reach(
            (&before.flags, &before.tenants),
            (&after.flags, &after.tenants),
            &plan.touched,
            request.at,
            limit,
        );
        if reached <= limit {
            return Ok(());
        }
        let refusal = Refusal::new(
            Code::BlastRadius,
            format!("more than {limit} tenants would be served something else"),
        );
        let refusal = refusal
            .cure("look at the dry run, then say `force`")
            .fact("limit", limit);
        Err(ApplyError::Refused(vec![refusal]))
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
        let entry = plan::refused_entry(request, &refusals);
        let Some(entry) = self.refused.limited(&Who::Actor(&request.actor), entry) else {
            return;
        };
        if let Err(error) = self.record(vec![entry]) {
            tracing::error!(%error, "a refusal could not be put into the audit log");
        }
    }
}

fn preview_of(before: &Compiled, after: &Compiled, plan: &Plan, now: Timestamp) -> Preview {
    preview(
        (&before.flags, &before.tenants),
        (&after.flags, &after.tenants),
        &plan.touched,
        now,
    )
}

fn unkept(error: StoreError) -> ApplyError {
    match error {
        StoreError::Conflict { expected, current } => ApplyError::Conflict { expected, current },
        error => ApplyError::Store(error),
    }
}

fn unpublished(error: PublishError) -> ApplyError {
    match error {
        PublishError::Document(report) => ApplyError::Invalid(report),
        PublishError::Prepare(reason) => ApplyError::Publish(reason),
    }
}
