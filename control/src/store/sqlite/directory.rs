//! The directory of a store: its lock, the creation of its file, and how the file is opened.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::{at, fault};
use super::schema;
use crate::store::{LAST_GOOD_FILE, LAST_GOOD_STATES_FILE, StoreError};

/// The store's file.
const FILE: &str = "sluice.db";
/// A new file while it is created.
const NEW: &str = "sluice.db.new";
/// The file of a restore before it replaces the store's file.
const RESTORED: &str = "sluice.db.restored";
/// The suffixes of SQLite's files beside the store's file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// The number of folders for the files that restores replace.
const MAX_ASIDE: u32 = 10_000;
/// The offset of the write version in the header of an SQLite file: 2 for a file with a write-ahead log, 1 for one
/// without (SQLite file format, section 1.3).
const WRITE_VERSION: u64 = 18;
/// The head file; see `head.rs`.
pub(super) const HEAD: &str = "sluice.head";
/// The file that the owning process locks.
const LOCK: &str = "sluice.lock";
/// The time to wait for SQLite's lock. Only this process writes; other tools that read may hold the lock for a
/// moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest size of SQLite's log file once it was written back, in bytes.
const WAL_BYTES: u32 = 16 << 20;

/// A directory that this process has locked.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

impl Directory {
    /// Locks the directory, and creates it if needed.
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

    /// Returns the directory's path, below which files are created that are renamed later.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the lock file.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.path.join(LOCK)
    }

    fn beside(&self, what: &str) -> PathBuf {
        self.path.join(format!("{FILE}{what}"))
    }

    /// Replaces the store's file with a complete and synced one. The previous files are moved into a folder of the
    /// directory. The store cannot be opened until this has finished.
    pub(super) fn replace(&self, whole: &Path) -> Result<Option<PathBuf>, StoreError> {
        let restored = self.path.join(RESTORED);
        fs::rename(whole, &restored).map_err(at(&restored))?;
        sync_directory(&self.path)?;
        let aside = self.move_aside()?;
        fs::rename(&restored, self.file()).map_err(at(&restored))?;
        sync_directory(&self.path)?;
        Ok(aside)
    }

    fn move_aside(&self) -> Result<Option<PathBuf>, StoreError> {
        let mut there = Vec::new();
        let [log, index, journal] = BESIDE.map(|what| self.beside(what));
        // The last good document last: it is served if the restore is not finished.
        let last_good = [LAST_GOOD_STATES_FILE, LAST_GOOD_FILE].map(|name| self.path.join(name));
        let of_store = [self.file(), log, index, journal, self.path.join(HEAD)];
        for file in of_store.into_iter().chain(last_good) {
            if file.try_exists().map_err(at(&file))? {
                there.push(file);
            }
        }
        if there.is_empty() {
            return Ok(None);
        }
        let aside = self.folder_aside()?;
        for file in there {
            let name = file.file_name().unwrap_or_default();
            fs::rename(&file, aside.join(name)).map_err(at(&file))?;
        }
        sync_directory(&aside)?;
        sync_directory(&self.path)?;
        Ok(Some(aside))
    }

    fn folder_aside(&self) -> Result<PathBuf, StoreError> {
        for number in 1..=MAX_ASIDE {
            let folder = self.path.join(format!("replaced-{number}"));
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(folder),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(at(&folder)(error)),
            }
        }
        let text = format!("{} has too many folders of replaced files", self.path.display());
        Err(StoreError::Io(text))
    }

    /// Creates the store's file if the directory is new. A file of no length, or a log without its file, is damage
    /// and not a new store. The new file is renamed into place complete.
    pub(super) fn create_if_new(&self) -> Result<(), StoreError> {
        let file = self.file();
        let log = self.beside("-wal");
        if self.path.join(RESTORED).try_exists().map_err(at(&self.path))? {
            let damage = "a restore was started and not finished; repeat it".to_owned();
            return Err(StoreError::Corrupt(damage));
        }
        if file.try_exists().map_err(at(&file))? {
            if file.metadata().map_err(at(&file))?.len() == 0 {
                return Err(StoreError::Corrupt(format!("{} is empty", file.display())));
            }
            return check_log_owner(&file, &log);
        }
        let head = self.path.join(HEAD);
        for (left, what) in [(log, "its log"), (head, "its head file")] {
            if left.try_exists().map_err(at(&left))? {
                let (file, left) = (file.display(), left.display());
                let damage = format!("{file} is missing, but {what} exists ({left})");
                return Err(StoreError::Corrupt(damage));
            }
        }
        self.make(&file)
    }

    /// Returns true if the file has a write-ahead log; a new file and a backup do not yet.
    pub(super) fn is_logged(&self) -> Result<bool, StoreError> {
        Ok(write_version(&self.file())? != [1])
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
        let connection = open(&self.file(), purpose)?;
        if purpose == Purpose::Read {
            leave_log(&connection, true)?;
        }
        Ok(connection)
    }
}

/// Opens a file of any origin.
pub(super) fn open(file: &Path, purpose: Purpose) -> Result<Connection, StoreError> {
    let rights = match purpose {
        Purpose::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Purpose::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let flags = rights | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(fault)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(fault)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
        .map_err(fault)?;
    // In memory, so that reading works on a full disk.
    let pragmas = [
        ("temp_store", "MEMORY"),
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
    ];
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value).map_err(fault)?;
    }
    Ok(connection)
}

impl Drop for Directory {
    /// Unlocks explicitly: a child process that was just forked may share the open file until it calls exec, and
    /// would keep the lock.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// Rejects a log that does not belong to the file, since SQLite replays any log beside a file. A file with a log says
/// so in its header before the log exists; the header of a backup says that it has none.
fn check_log_owner(file: &Path, log: &Path) -> Result<(), StoreError> {
    let length = match log.metadata() {
        Ok(log) => log.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(at(log)(error)),
    };
    if length == 0 || write_version(file)? != [1] {
        return Ok(());
    }
    let damage = format!(
        "{} is a backup beside the log of the store that was there before",
        file.display()
    );
    Err(StoreError::Corrupt(damage))
}

/// Reads the write version in the header. Called before SQLite opens the file: closing another descriptor of it would
/// release SQLite's POSIX locks.
fn write_version(file: &Path) -> Result<[u8; 1], StoreError> {
    let mut version = [0];
    let read = File::open(file).and_then(|file| file.read_exact_at(&mut version, WRITE_VERSION));
    read.map_err(at(file))?;
    Ok(version)
}

pub(super) fn prepare_to_write(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(fault)?;
    if mode != "wal" {
        let text = format!("the file system does not support a write-ahead log (journal mode {mode})");
        return Err(StoreError::Io(text));
    }
    // FULL: the log is on the disk before a commit returns.
    let pragmas = [
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("recursive_triggers", "ON"),
        // `write_back` writes the log back.
        ("wal_autocheckpoint", "0"),
    ];
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value).map_err(fault)?;
    }
    connection
        .pragma_update(None, "journal_size_limit", WAL_BYTES)
        .map_err(fault)
}

/// Sets SQLite to keep the log when the last connection is closed, or to write it back and remove it.
pub(super) fn leave_log(connection: &Connection, stays: bool) -> Result<(), StoreError> {
    let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, stays);
    set.map(|_| ()).map_err(fault)
}

/// Syncs a directory: only then a file renamed in it survives a loss of power.
pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    // The parent of a bare file name is an empty path.
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(at(path))
}
