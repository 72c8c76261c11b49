//! A store in memory that calls a test's hooks before its operations.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control::{
    AuditFilter, AuditPage, Changes, CheckExtent, Commit, EntryHash, Loaded, MemoryStore, Revision, Store,
    StoreError,
};

/// Functions of a test that run before operations of a store: they may wait, fail or panic.
pub trait StoreHooks: Send + Sync {
    /// Is called before a commit.
    ///
    /// # Errors
    /// The commit fails with this error and writes nothing.
    fn before_commit(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Is called while the records of a commit are written, with their number and the function that tells that the commit
    /// should give way.
    ///
    /// # Errors
    /// The commit fails with this error and writes nothing.
    fn while_writing(&self, _records: usize, _interrupted: &dyn Fn() -> bool) -> Result<(), StoreError> {
        Ok(())
    }

    /// Is called before a page of the audit log is read.
    fn before_audit(&self) {}

    /// Is called before a backup.
    ///
    /// # Errors
    /// The backup fails with this error.
    fn before_backup(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A store in memory with hooks.
#[derive(Default)]
pub struct HookedStore<H> {
    inner: MemoryStore,
    /// The hooks.
    pub hooks: Arc<H>,
}

impl<H> HookedStore<H> {
    /// Creates an empty store.
    #[must_use]
    pub fn new(hooks: Arc<H>) -> Self {
        Self {
            inner: MemoryStore::new(),
            hooks,
        }
    }
}

impl<H: StoreHooks> Store for HookedStore<H> {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.inner.load()
    }

    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
        self.hooks.before_commit()?;
        self.inner.commit(expected, commit)
    }

    fn commit_unless(
        &self,
        expected: Option<Revision>,
        commit: &Commit,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Revision, StoreError> {
        self.hooks.while_writing(commit.writes.len(), interrupted)?;
        self.commit(expected, commit)
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.inner.changes_since(since)
    }

    fn watch(&self, since: Revision, timeout: Duration) -> Result<Changes, StoreError> {
        self.inner.watch(since, timeout)
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        self.hooks.before_audit();
        self.inner.audit(filter, before, limit)
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.inner.audit_after(after, limit)
    }

    fn audit_head(&self) -> Result<(u64, EntryHash), StoreError> {
        self.inner.audit_head()
    }

    fn check(&self, extent: CheckExtent) -> Result<(), StoreError> {
        self.inner.check(extent)
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.hooks.before_backup()?;
        self.inner.backup(to)
    }
}
