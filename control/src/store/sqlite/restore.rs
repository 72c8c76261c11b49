//! Restores a backup: it is checked completely before any file is moved, put in place atomically, and the previous
//! files are kept.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use changes::{ChangeSource, Entry, EntryHash, Event, Revision, hash_text};
use rules::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use serde_json::Map;

use super::directory::{Directory, Purpose, open};
use super::fault::{at, fault};
use super::head::HeadFile;
use super::{copy, log, records, schema};
use crate::store::StoreError;

/// A restored backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The revision of the restored store.
    pub revision: Revision,
    /// Id and hash of the newest entry of its log.
    pub head: (u64, EntryHash),
    /// The folder with the previous files, if there were any.
    pub aside: Option<PathBuf>,
}

/// The person or program that restores a backup, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredBy {
    /// The actor: `uid:1000`, the user of the process.
    pub actor: String,
    /// The time.
    pub at: Timestamp,
}

#[cfg(test)]
impl RestoredBy {
    /// Creates an actor for tests.
    pub(super) fn tester() -> Self {
        Self {
            actor: "uid:1000".to_owned(),
            at: Timestamp(1_800_000_000_000),
        }
    }
}

/// The reason why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup is not a backup or not complete. Nothing was moved.
    #[error("{} can't be restored: {reason}", path.display())]
    InvalidBackup {
        /// Its path.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The store to replace is in use, or cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Restores the backup `from` to the directory `to`, which is created if needed.
pub(super) fn restore(from: &Path, to: &Path, by: &RestoredBy) -> Result<Restored, RestoreError> {
    let invalid_backup = |error: StoreError| RestoreError::InvalidBackup {
        path: from.to_owned(),
        reason: match error {
            StoreError::Corrupt(damage) => damage,
            other => other.to_string(),
        },
    };
    let log = with_end(from, "-wal");
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        let reason = format!(
            "{} is beside it: it is the file of a store and not a backup, or it was put in the place of one; copy the \
             backup elsewhere",
            log.display()
        );
        return Err(invalid_backup(StoreError::Corrupt(reason)));
    }
    let mut source = File::open(from).map_err(at(from)).map_err(invalid_backup)?;
    let directory = Directory::take(to)?;
    let folder = tempfile::Builder::new()
        .prefix(".sluice-restore-")
        .tempdir_in(directory.path())
        .map_err(at(to))?;
    let whole = folder.path().join("whole");
    let mut options = fs::OpenOptions::new();
    let mut copied = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&whole)
        .map_err(at(&whole))?;
    std::io::copy(&mut source, &mut copied).map_err(at(&whole))?;
    // The last commit of the store that is replaced, if its head file can be read.
    let replaced = HeadFile::open(directory.path()).ok().flatten();
    let replaced = replaced.map(|(_, head)| head.to_string());
    let (revision, head) = check(&whole, by, replaced).map_err(invalid_backup)?;
    copied.sync_all().map_err(at(&whole))?;
    for made in [whole.clone(), directory.lock_file()] {
        give_to_owner_of(to, &made).map_err(at(&made))?;
    }
    let aside = directory.replace(&whole)?;
    Ok(Restored {
        revision,
        head,
        aside,
    })
}

/// Checks the pages, the whole log and each record of a file, and upgrades it to the newest format, as one file
/// without a log. Adds the audit entry of the restore.
fn check(
    file: &Path,
    by: &RestoredBy,
    replaced: Option<String>,
) -> Result<(Revision, (u64, EntryHash)), StoreError> {
    let mut connection = open(file, Purpose::Write)?;
    schema::check_format(&connection)?;
    connection
        .pragma_update(None, "journal_mode", "DELETE")
        .map_err(fault)?;
    copy::check_all(&connection)?;
    schema::migrate(&mut connection)?;
    let (revision, restored) = check_contents(&connection)?;
    let entry = entry(by, &replaced, restored);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(fault)?;
    log::append(&transaction, revision, &[entry])?;
    let head = log::head(&transaction)?;
    transaction.commit().map_err(fault)?;
    connection.close().map_err(|(_, error)| fault(error))?;
    Ok((revision, head))
}

/// Creates the audit entry of a restore, with the newest entries of the backup and of the store that it replaces.
fn entry(by: &RestoredBy, replaced: &Option<String>, (id, hash): (u64, EntryHash)) -> Entry {
    let mut details = Map::new();
    let restored = format!("{id}:{}", hash_text(&hash));
    details.insert("restored_head".to_owned(), restored.into());
    if let Some(replaced) = replaced {
        details.insert("replaced_head".to_owned(), replaced.as_str().into());
    }
    Entry {
        details,
        ..Entry::new(
            by.at,
            Event::StoreRestored,
            ChangeSource::File,
            by.actor.clone(),
            "restore".to_owned(),
        )
    }
}

/// Checks a file without changing it. An older format is checked for integrity only, since its content cannot be read
/// before an upgrade.
pub(super) fn check_unchanged(file: &Path) -> Result<(), StoreError> {
    let connection = open(file, Purpose::Read)?;
    schema::check_format(&connection)?;
    copy::check_all(&connection)?;
    if schema::is_newest(&connection)? {
        check_contents(&connection)?;
    }
    connection.close().map_err(|(_, error)| fault(error))
}

/// Verifies the whole log and reads each record.
fn check_contents(connection: &Connection) -> Result<(Revision, (u64, EntryHash)), StoreError> {
    log::check_newest(connection, u64::MAX)?;
    log::check_end(connection)?;
    Ok((records::load(connection)?.revision, log::head(connection)?))
}

/// Gives a file to the owner of the directory, since the user that restores may not be the user that runs the proxy.
fn give_to_owner_of(directory: &Path, file: &Path) -> std::io::Result<()> {
    let (wanted, is) = (fs::metadata(directory)?, fs::metadata(file)?);
    if (wanted.uid(), wanted.gid()) == (is.uid(), is.gid()) {
        return Ok(());
    }
    chown(file, Some(wanted.uid()), Some(wanted.gid()))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.to_owned();
    path.as_mut_os_string().push(end);
    path
}

#[cfg(test)]
mod tests;
