//! A damaged store, of which the audit log is read as far as possible. Nothing is written, and its flags are not
//! read.

use std::path::Path;
use std::time::Duration;

use changes::{EntryHash, Revision};

use super::directory::Directory;
use super::log;
use super::readers::Readers;
use crate::store::{AuditFilter, AuditPage, Changes, CheckExtent, Commit, Loaded, Store, StoreError};

/// The readable part of a damaged store.
#[derive(Debug)]
pub struct DamagedStore {
    /// The damage.
    damage: String,
    /// The connections, if the file can be opened; the lock on the directory is released last.
    left: Option<(Readers, Directory)>,
}

impl DamagedStore {
    /// Opens the readable part of the store.
    #[must_use]
    pub fn open(path: &Path, damage: &str) -> Self {
        Self {
            damage: damage.to_owned(),
            left: Self::left(path).ok().flatten(),
        }
    }

    fn left(path: &Path) -> Result<Option<(Readers, Directory)>, StoreError> {
        if !path.is_dir() {
            return Ok(None);
        }
        let directory = Directory::take(path)?;
        if !directory.file().exists() {
            return Ok(None);
        }
        // SQLite would replay a log of another file and show data that were never committed.
        directory.create_if_new()?;
        let readers = Readers::connect(&directory)?;
        Ok(Some((readers, directory)))
    }

    fn damage<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Corrupt(self.damage.clone()))
    }
}

impl Store for DamagedStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.damage()
    }

    fn commit(&self, _: Option<Revision>, _: &Commit) -> Result<Revision, StoreError> {
        self.damage()
    }

    fn changes_since(&self, _: Revision) -> Result<Changes, StoreError> {
        self.damage()
    }

    fn watch(&self, _: Revision, _: Duration) -> Result<Changes, StoreError> {
        self.damage()
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        match &self.left {
            Some((readers, _)) => readers.read(|connection| log::filtered(connection, filter, before, limit)),
            None => self.damage(),
        }
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        match &self.left {
            Some((readers, _)) => readers.read(|connection| log::after(connection, after, limit)),
            None => self.damage(),
        }
    }

    fn audit_head(&self) -> Result<(u64, EntryHash), StoreError> {
        match &self.left {
            Some((readers, _)) => readers.read(|connection| log::head(connection)),
            None => self.damage(),
        }
    }

    fn check(&self, _: CheckExtent) -> Result<(), StoreError> {
        self.damage()
    }

    fn found_damage(&self) -> Option<String> {
        Some(self.damage.clone())
    }

    fn backup(&self, _: &Path) -> Result<(), StoreError> {
        self.damage()
    }
}
