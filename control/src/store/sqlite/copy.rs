//! Copies the store at one moment while it is in use.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::directory::{Directory, Purpose, sync_directory};
use super::fault::{at, fault};
use crate::store::StoreError;

/// The number of pages of a step: all. With SQLite's log, writers do not wait for readers, and a copy in several
/// steps would restart at each commit (sqlite3_backup_step).
const ALL: std::ffi::c_int = -1;

/// Copies the store into a new file, which is complete or does not exist.
pub(super) fn copy(directory: &Directory, to: &Path) -> Result<(), StoreError> {
    if to.try_exists().map_err(at(to))? {
        return Err(StoreError::Io(format!("{} exists already", to.display())));
    }
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let partial = tempfile::Builder::new()
        .prefix(".sluice-backup-")
        .tempfile_in(folder)
        .map_err(at(folder))?;
    fill(directory, partial.path())?;
    partial.as_file().sync_all().map_err(at(to))?;
    partial
        .persist_noclobber(to)
        .map_err(|error| at(to)(error.error))?;
    sync_directory(folder)
}

fn fill(directory: &Directory, partial: &Path) -> Result<(), StoreError> {
    let from = directory.connect(Purpose::Read)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(partial, flags).map_err(fault)?;
    let backup = Backup::new(&from, &mut copy).map_err(fault)?;
    if !matches!(backup.step(ALL).map_err(fault)?, StepResult::Done) {
        return Err(StoreError::InUse);
    }
    drop(backup);
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")
        .map_err(fault)?;
    check(&copy)?;
    copy.close().map_err(|(_, error)| fault(error))
}

/// Checks the integrity of the file with SQLite's `quick_check`.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    verdict(connection, "PRAGMA quick_check(1)")
}

/// Checks the integrity of the file, and that every index agrees with its table, with SQLite's `integrity_check`.
pub(super) fn check_all(connection: &Connection) -> Result<(), StoreError> {
    verdict(connection, "PRAGMA integrity_check(1)")
}

fn verdict(connection: &Connection, check: &str) -> Result<(), StoreError> {
    let verdict: String = connection.query_row(check, [], |row| row.get(0)).map_err(fault)?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt(verdict))
}
