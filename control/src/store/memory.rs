//! A store in memory, for tests and as the second implementation of the contract.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use changes::{Entry, EntryHash, GENESIS, Sealed};
use parking_lot::{Mutex, MutexGuard};

use super::newest::Newest;
use super::{
    AuditFilter, AuditPage, Changes, Commit, Json, Key, Loaded, MAX_AUDIT_PAGE, Record, Revision, Store,
    StoreError,
};

/// Flags and the audit log in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<MemoryState>,
    newest: Newest,
}

#[derive(Debug, Default)]
struct MemoryState {
    revision: Revision,
    records: BTreeMap<Key, (Option<Json>, Revision)>,
    log: Vec<(Sealed, Entry)>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.state.lock()
    }
}

impl MemoryState {
    fn head(&self) -> (u64, EntryHash) {
        let last = self.log.last();
        last.map_or((0, GENESIS), |(sealed, _)| (sealed.id, sealed.hash))
    }

    fn changes_since(&self, since: Revision) -> Changes {
        let newer = self.records.iter().filter(|(_, (_, revision))| *revision > since);
        let mut records: Vec<Record> = newer.map(record).collect();
        // The sort keeps the order of the keys within a revision.
        records.sort_by_key(|record| record.revision);
        Changes {
            revision: self.revision,
            records,
        }
    }
}

fn record((key, (value, revision)): (&Key, &(Option<Json>, Revision))) -> Record {
    Record {
        key: key.clone(),
        value: value.clone(),
        revision: *revision,
    }
}

/// Returns the page of the first `limit` entries.
fn page(entries: impl Iterator<Item = Sealed>, limit: usize) -> AuditPage {
    let limit = limit.min(MAX_AUDIT_PAGE);
    let mut entries: Vec<Sealed> = entries.take(limit.saturating_add(1)).collect();
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().map(|last| last.id).filter(|_| more);
    AuditPage { entries, next }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        let state = self.state();
        let there = state.records.iter().filter(|(_, (value, _))| value.is_some());
        Ok(Loaded {
            revision: state.revision,
            records: there.map(record).collect(),
        })
    }

    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
        let mut state = self.state();
        let current = state.revision;
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(StoreError::Conflict { expected, current });
        }
        if !commit.writes.is_empty() {
            state.revision = Revision(current.0.saturating_add(1));
        }
        let revision = state.revision;
        for write in &commit.writes {
            state
                .records
                .insert(write.key.clone(), (write.value.clone(), revision));
        }
        for entry in &commit.audit {
            let (last, hash) = state.head();
            let mut entry = entry.clone();
            if let Some((_, before)) = state.log.last() {
                entry.note_clock(before.at);
            }
            let sealed = Sealed::after(hash, last.saturating_add(1), revision, &entry);
            state.log.push((sealed, entry));
        }
        self.newest.advance(revision);
        Ok(revision)
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        Ok(self.state().changes_since(since))
    }

    fn watch(&self, since: Revision, timeout: Duration) -> Result<Changes, StoreError> {
        self.newest.wait_past(since, timeout);
        self.changes_since(since)
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        let state = self.state();
        let wanted =
            state.log.iter().rev().filter(|(sealed, entry)| {
                before.is_none_or(|before| sealed.id < before) && filter.wants(entry)
            });
        Ok(page(wanted.map(|(sealed, _)| sealed.clone()), limit))
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        let state = self.state();
        let wanted = state.log.iter().filter(|(sealed, _)| sealed.id > after);
        Ok(page(wanted.map(|(sealed, _)| sealed.clone()), limit))
    }

    fn audit_head(&self) -> Result<(u64, EntryHash), StoreError> {
        Ok(self.state().head())
    }

    fn backup(&self, _to: &Path) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("a store in memory can't be backed up"))
    }
}
