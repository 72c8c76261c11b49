//! The directory of a store: whose it is, how its file comes to be, and how it is opened.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::{at, fault};
use super::schema;
use crate::store::StoreError;

/// What is kept.
const FILE: &str = "sluice.db";
/// What is being made, before anything is kept in it.
const NEW: &str = "sluice.db.new";
/// Held by the process that uses the directory.
const LOCK: &str = "sluice.lock";
/// Only sluice writes, and one at a time; it waits this long for somebody who looks with other tools.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The log of SQLite is cut to this length when it was written back.
const WAL_BYTES: u32 = 16 << 20;

/// A directory that this process alone uses, as long as it lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

impl Directory {
    /// Takes the directory, and makes it if there is none.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(at(path))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(at(&lock_path)(error)),
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// Sees to it that there is a file. One that was cut to nothing, or of which only the log is left, is damaged,
    /// not new: a new one is put in its place whole.
    pub(super) fn furnish(&self) -> Result<(), StoreError> {
        let file = self.file();
        // Only looked at, never opened: closing it would give up the locks that SQLite holds on it.
        if file.try_exists().map_err(at(&file))? {
            let empty = file.metadata().map_err(at(&file))?.len() == 0;
            return if empty {
                Err(StoreError::Corrupt(format!("{} is empty", file.display())))
            } else {
                Ok(())
            };
        }
        let log = self.path.join(format!("{FILE}-wal"));
        if log.try_exists().map_err(at(&log))? {
            let damage = format!("{} is gone, but its log is there", file.display());
            return Err(StoreError::Corrupt(damage));
        }
        self.make(&file)
    }

    fn make(&self, file: &Path) -> Result<(), StoreError> {
        let new = self.path.join(NEW);
        for left_behind in [new.clone(), self.path.join(format!("{NEW}-journal"))] {
            match fs::remove_file(&left_behind) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(at(&left_behind)(error));
                }
                _ => {}
            }
        }
        let created = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&new)
            .map_err(at(&new))?;
        let mut connection = Connection::open(&new).map_err(fault)?;
        schema::mark(&connection)?;
        schema::migrate(&mut connection)?;
        connection.close().map_err(|(_, error)| fault(error))?;
        created.sync_all().map_err(at(&new))?;
        fs::rename(&new, file).map_err(at(file))?;
        sync_directory(&self.path)?;
        // The directory itself may be new, too.
        self.path.parent().map_or(Ok(()), sync_directory)
    }

    pub(super) fn connect(&self, purpose: Purpose) -> Result<Connection, StoreError> {
        let rights = match purpose {
            Purpose::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Purpose::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let flags = rights | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.file(), flags).map_err(fault)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(fault)?;
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
            .map_err(fault)?;
        // Sorting must not need room on a disk that is full.
        let pragmas = [
            ("temp_store", "MEMORY"),
            ("trusted_schema", "OFF"),
            ("cell_size_check", "ON"),
        ];
        for (name, value) in pragmas {
            connection.pragma_update(None, name, value).map_err(fault)?;
        }
        if purpose == Purpose::Write {
            prepare_to_write(&connection)?;
        }
        Ok(connection)
    }
}

impl Drop for Directory {
    /// Given free by word: a child that was just forked may have the file open, too, until it becomes what it is
    /// to be.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

fn prepare_to_write(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(fault)?;
    if mode != "wal" {
        let text = format!("the file system can't hold a log in shared memory (journal mode {mode})");
        return Err(StoreError::Io(text));
    }
    // FULL: the log is on the disk before a commit returns.
    let pragmas = [
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("recursive_triggers", "ON"),
        // It is written back by `write_back`.
        ("wal_autocheckpoint", "0"),
    ];
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value).map_err(fault)?;
    }
    connection
        .pragma_update(None, "journal_size_limit", WAL_BYTES)
        .map_err(fault)
}

/// What was renamed in a directory is kept for certain only when the directory is on the disk.
pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    // The parent of a bare name is written as nothing.
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(at(path))
}
