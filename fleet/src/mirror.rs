//! The mirror of a node: a SQLite store with the state and the audit log up to the last commit that the node has seen, and
//! a file with the epoch of the store that they are of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use control::{Record, Replica, Revision, SqliteStore, Store as _, StoreError, private_file};
use parking_lot::Mutex;

use crate::commit::KnownHead;
use crate::listing::Listing;

/// The file with the epoch, beside the SQLite store.
const EPOCH_FILE: &str = "epoch";

/// The mirror of a node.
pub(crate) struct Mirror {
    pub(crate) store: SqliteStore,
    path: PathBuf,
    /// None before the first commit is seen.
    epoch: Mutex<Option<String>>,
}

impl Mirror {
    /// Opens the mirror in a directory, and creates it if needed.
    ///
    /// # Errors
    /// It can't be read, or another process uses it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let store = SqliteStore::open(path)?;
        let epoch = match fs::read_to_string(path.join(EPOCH_FILE)) {
            Ok(epoch) => Some(epoch.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::Io(error.to_string())),
        };
        Ok(Self {
            store,
            path: path.to_owned(),
            epoch: Mutex::new(epoch),
        })
    }

    /// Returns the revision of the newest record.
    pub(crate) fn revision(&self) -> Result<Revision, StoreError> {
        // Nothing has changed since the largest revision.
        Ok(self.store.changes_since(Revision(u64::MAX >> 1))?.revision)
    }

    /// Checks that a head in etcd continues what is here.
    ///
    /// # Errors
    /// The reason why it does not: another epoch, a lower revision, or nothing where there was something.
    pub(crate) fn check_continues(&self, known: &KnownHead) -> Result<(), String> {
        let (revision, entry) = match (self.revision(), self.store.audit_head()) {
            (Ok(revision), Ok((entry, _))) => (revision, entry),
            (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
        };
        let epoch = self.epoch.lock();
        let Some(head) = &known.head else {
            return match epoch.is_some() || entry > 0 {
                true => Err(format!(
                    "etcd is empty, but this node has revision {}",
                    revision.0
                )),
                false => Ok(()),
            };
        };
        if let Some(epoch) = epoch.as_ref().filter(|epoch| **epoch != head.epoch) {
            return Err(format!(
                "etcd holds another store (epoch {}), not the one of this node (epoch {epoch})",
                head.epoch
            ));
        }
        if head.revision < revision.0 || head.entry < entry {
            return Err(format!(
                "etcd is at revision {}, entry {}, but this node has revision {}, entry {entry}: etcd was restored",
                head.revision, head.entry, revision.0
            ));
        }
        Ok(())
    }

    /// Applies a commit that follows what is here.
    ///
    /// # Errors
    /// It does not follow, or can't be written.
    pub(crate) fn apply(&self, known: &KnownHead, replica: &Replica) -> Result<(), StoreError> {
        let Some(head) = &known.head else { return Ok(()) };
        self.keep_epoch(&head.epoch)?;
        let before = self.revision()?;
        let after = self.store.replicate(before, replica)?;
        let is_complete = after.0 == head.revision && self.store.audit_head()?.0 == head.entry;
        match is_complete {
            true => Ok(()),
            false => Err(StoreError::Corrupt(format!(
                "the mirror is at revision {}, not {}, after a commit",
                after.0, head.revision
            ))),
        }
    }

    /// Makes the mirror equal to a listing. Returns the number of records that differed without a newer revision, which
    /// events should have brought.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn adopt(&self, listing: &Listing) -> Result<usize, StoreError> {
        let Some(head) = &listing.head.head else {
            return Ok(0);
        };
        let before = self.revision()?;
        let mine = self.store.changes_since(Revision::default())?.records;
        let mine: std::collections::BTreeMap<_, _> =
            mine.iter().map(|record| (&record.key, record)).collect();
        let differing = listing.records.iter();
        let differing =
            differing.filter(|record| mine.get(&record.key).is_none_or(|known| *known != *record));
        let mut records: Vec<Record> = differing.cloned().collect();
        records.sort_by_key(|record| record.revision);
        let unseen = records.iter().filter(|record| record.revision <= before).count();
        let replica = Replica {
            records,
            entries: listing.entries.clone(),
        };
        if !replica.records.is_empty() || !replica.entries.is_empty() {
            self.keep_epoch(&head.epoch)?;
            self.store.replicate(before, &replica)?;
        }
        Ok(unseen)
    }

    fn keep_epoch(&self, epoch: &str) -> Result<(), StoreError> {
        let mut kept = self.epoch.lock();
        if kept.as_deref() == Some(epoch) {
            return Ok(());
        }
        let written = private_file::replace(&self.path.join(EPOCH_FILE), epoch.as_bytes());
        written.map_err(|error| StoreError::Io(error.to_string()))?;
        *kept = Some(epoch.to_owned());
        Ok(())
    }
}
