//! The embedded store: one SQLite file in a directory that one process uses. Durability is that of SQLite's write-ahead
//! log, which is synced (`synchronous=FULL`) before a commit returns.

mod copy;
mod damaged;
mod directory;
mod fault;
mod head;
mod log;
mod number;
mod readers;
mod records;
mod restore;
mod schema;
mod upgrade;
mod write_back;
mod writer;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use changes::EntryHash;
use parking_lot::Mutex;
use rusqlite::{InterruptHandle, Transaction};

pub use self::damaged::DamagedStore;
use self::directory::{Directory, Purpose};
use self::fault::at;
use self::head::{HeadFile, StoreHead};
use self::readers::Readers;
pub use self::restore::{RestoreError, Restored, RestoredBy};
use self::writer::Writer;
use super::newest::Newest;
use super::{
    AuditFilter, AuditPage, Changes, CheckExtent, Commit, Loaded, Replica, Revision, Store, StoreError,
};

/// The number of newest log entries that are verified when the store is opened; `sluice audit verify` verifies all.
const CHECKED_AT_START: u64 = 1000;

/// The size of a store, in bytes, up to which its pages are checked before it is served: about a third of a second. A
/// larger one is only checked afterwards ([`Store::check`]), so that a long log delays no start.
const CHECKED_BEFORE_SERVING: u64 = 64 << 20;

/// A store of flags and the audit log in a directory.
pub struct SqliteStore {
    // Fields are dropped in this order: the writer is the last connection and writes the log back into the file, and
    // only then the directory is unlocked.
    readers: Readers,
    writer: Mutex<Writer>,
    newest: Newest,
    /// Ends the check that is running.
    running_check: Mutex<Option<InterruptHandle>>,
    /// The first damage that an operation or a check has found.
    damage: Mutex<Option<String>>,
    directory: Directory,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the store in a directory, and creates both if needed. A store of an older format is upgraded after a
    /// backup of it was made in the directory.
    ///
    /// # Errors
    /// Another process uses it, a newer version wrote it, it is damaged, or it can't be read or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let directory = Directory::take(path)?;
        directory.create_if_new()?;
        let name = |error| match error {
            StoreError::Corrupt(damage) => {
                StoreError::Corrupt(format!("{}: {damage}", directory.file().display()))
            }
            other => other,
        };
        let writer = Self::open_file(&directory).map_err(name)?;
        let newest = records::newest(&writer.connection).map_err(name)?;
        let readers = Readers::connect(&directory).map_err(name)?;
        Ok(Self {
            readers,
            writer: Mutex::new(writer),
            newest: Newest::starting_at(newest),
            running_check: Mutex::new(None),
            damage: Mutex::new(None),
            directory,
        })
    }

    /// Writes what another store committed, if this one is at `expected`: records with their revisions, and entries as they
    /// were sealed. It is on the disk when this returns. Returns the revision of the newest record.
    ///
    /// # Errors
    /// Nothing was written: the store is at another revision, the entries do not follow the newest one, or it can't be
    /// written.
    pub fn replicate(&self, expected: Revision, replica: &Replica) -> Result<Revision, StoreError> {
        let replicated = self.writer.lock().replicate(&self.readers, expected, replica);
        let revision = self.noting_damage(replicated)?;
        self.newest.advance(revision);
        Ok(revision)
    }

    /// Replaces the store in the directory `to` with a backup. The backup is checked first and left as it is; the
    /// previous files are moved into a folder in the directory. The audit log of the backup gets an entry.
    ///
    /// # Errors
    /// The file is not a complete backup, another process uses the directory, or it can't be written. If files were
    /// moved already, the store cannot be opened until a restore has finished.
    pub fn restore(from: &Path, to: &Path, by: &RestoredBy) -> Result<Restored, RestoreError> {
        restore::restore(from, to, by)
    }

    /// Checks a backup without changing it: it is a store, it is complete, no entry of its audit log is missing or
    /// altered, and each record can be read. Of an older format only completeness is checked.
    ///
    /// # Errors
    /// The file is not a complete backup, or has a newer format.
    pub fn check_backup(path: &Path) -> Result<(), StoreError> {
        restore::check_unchanged(path)
    }

    /// Remembers damage that an operation has found.
    fn noting_damage<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Corrupt(damage)) = &result {
            self.damage.lock().get_or_insert_with(|| damage.clone());
        }
        result
    }

    fn read<T>(&self, what: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.noting_damage(self.readers.read(what))
    }

    fn open_file(directory: &Directory) -> Result<Writer, StoreError> {
        let known = HeadFile::open(directory.path())?;
        if known.is_none() && directory.is_logged()? {
            let damage = format!(
                "{}, which records its last commit, is missing beside it: the store was moved without all of its files",
                directory::HEAD
            );
            return Err(StoreError::Corrupt(damage));
        }
        let mut connection = directory.connect(Purpose::Write)?;
        // Nothing is written until the file is known to be complete.
        directory::leave_log(&connection, true)?;
        schema::check_format(&connection).map_err(|error| error.with_way_back(directory.path()))?;
        if directory.file().metadata().map_err(at(&directory.file()))?.len() <= CHECKED_BEFORE_SERVING {
            copy::check(&connection)?;
        }
        if let Some((_, head)) = &known {
            head.is_in(&connection)?;
        }
        log::check_newest(&connection, CHECKED_AT_START)?;
        log::check_end(&connection)?;
        let head = match known {
            Some((file, _)) => file,
            None => HeadFile::make(directory.path(), &StoreHead::of(&connection)?)?,
        };
        directory::prepare_to_write(&connection)?;
        directory::leave_log(&connection, false)?;
        upgrade::upgrade(directory, &mut connection)?;
        Ok(Writer::begin(connection, head))
    }
}

impl StoreError {
    /// Adds the command that restores the store in `directory` to a format that this version reads.
    fn with_way_back(self, directory: &Path) -> Self {
        match self {
            Self::TooNew { found, known, .. } => Self::TooNew {
                found,
                known,
                way_back: upgrade::way_back(directory, known),
            },
            other => other,
        }
    }
}

impl Store for SqliteStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.read(|connection| records::load(connection))
    }

    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
        self.commit_unless(expected, commit, &|| false)
    }

    fn commit_unless(
        &self,
        expected: Option<Revision>,
        commit: &Commit,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Revision, StoreError> {
        let mut writer = self.writer.lock();
        let committed = writer.commit(&self.readers, expected, commit, interrupted);
        let revision = self.noting_damage(committed)?;
        self.newest.advance(revision);
        Ok(revision)
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.read(|connection| records::changes_since(connection, since))
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
        self.read(|connection| log::filtered(connection, filter, before, limit))
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.read(|connection| log::after(connection, after, limit))
    }

    fn audit_head(&self) -> Result<(u64, EntryHash), StoreError> {
        self.read(|connection| log::head(connection))
    }

    fn check(&self, extent: CheckExtent) -> Result<(), StoreError> {
        // A connection of its own, so that the readers stay free. SQLite's log is not written back meanwhile.
        let checked = self.readers.while_reading(|| {
            let connection = self.directory.connect(Purpose::Read)?;
            *self.running_check.lock() = Some(connection.get_interrupt_handle());
            let checked = match extent {
                CheckExtent::Pages => copy::check(&connection),
                CheckExtent::Whole => copy::check_all(&connection),
            };
            *self.running_check.lock() = None;
            checked
        });
        self.noting_damage(checked)
    }

    fn stop_check(&self) {
        if let Some(check) = &*self.running_check.lock() {
            check.interrupt();
        }
    }

    fn found_damage(&self) -> Option<String> {
        self.damage.lock().clone()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.readers.while_reading(|| copy::copy(&self.directory, to))
    }
}

#[cfg(test)]
mod tests;
